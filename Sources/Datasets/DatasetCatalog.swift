/// The data sets that `--dataset` can name.
public enum DatasetName: String, CaseIterable, Sendable, Codable {
    case fashionMNIST = "fashion-mnist"
    case mnist
    case cifar10
    case cifar100
    case synthetic

    /// Where the files lie when no folder is given; nil where there is no such place, or no files.
    public var defaultDirectory: String? {
        // Where the Debian package dataset-fashion-mnist puts them.
        self == .fashionMNIST ? "/usr/share/datasets/fashion-mnist" : nil
    }

    /// Published statistics of the training images.
    public var normalization: ChannelNormalization {
        switch self {
        // As in PyTorch's MNIST example (pytorch/examples, mnist/main.py).
        case .mnist: ChannelNormalization(mean: [0.1307], std: [0.3081])
        // Over all pixels of the 60,000 training images; a test computes them anew where Debian's files are installed.
        case .fashionMNIST: ChannelNormalization(mean: [0.2860], std: [0.3530])
        // Over all pixels of the 50,000 training images, per channel, as most published CIFAR code has them.
        case .cifar10: ChannelNormalization(mean: [0.4914, 0.4822, 0.4465], std: [0.2470, 0.2435, 0.2616])
        case .cifar100: ChannelNormalization(mean: [0.5071, 0.4865, 0.4409], std: [0.2673, 0.2564, 0.2762])
        // About those of what SyntheticImages draws, for 3 channels.
        case .synthetic: SyntheticImages.normalization(channels: 3)
        }
    }

    /// The published images; nil where any are.
    public var imageShape: ImageShape? {
        switch self {
        case .mnist, .fashionMNIST: ImageShape(channels: 1, height: 28, width: 28)
        case .cifar10, .cifar100: ImageShape(channels: 3, height: 32, width: 32)
        case .synthetic: nil
        }
    }

    /// What to do when files are missing, as the end of a one-line message.
    var remedy: String {
        switch self {
        case .fashionMNIST:
            "run apt-get install dataset-fashion-mnist, or name the folder that holds the four IDX files with --data "
                + "DIR"
        case .mnist: "name the folder that holds MNIST's four IDX files (plain or .gz) with --data DIR"
        case .cifar10:
            "unpack the binary version, cifar-10-binary.tar.gz from https://www.cs.toronto.edu/~kriz/cifar.html, and "
                + "name its folder with --data DIR"
        case .cifar100:
            "unpack the binary version, cifar-100-binary.tar.gz from https://www.cs.toronto.edu/~kriz/cifar.html, and "
                + "name its folder with --data DIR"
        case .synthetic: "synthetic data needs no files"
        }
    }
}

public enum DatasetSplit: String, CaseIterable, Sendable {
    case train
    case test
}

/// Finds and reads a data set by name.
public enum DatasetCatalog {
    /// - Parameters:
    ///   - directory: the folder that holds the published files, or the folder in which the published archive was
    ///     unpacked; nil for the data set's default.
    ///   - synthetic: what to draw where `name` is `.synthetic`; unused otherwise.
    public static func load(
        name: DatasetName, directory: String? = nil, split: DatasetSplit, synthetic: SyntheticImages = SyntheticImages()
    ) throws(DatasetError) -> ImageDataset {
        switch name {
        case .mnist, .fashionMNIST:
            let folder = try DataFolder(directory, of: name)
            return try IDXReader.dataset(name: name, folder, split: split)
        case .cifar10, .cifar100:
            let folder = try DataFolder(directory, of: name)
            let reader = name == .cifar10 ? CIFARReader.cifar10 : CIFARReader.cifar100
            return try reader.dataset(name: name, folder, split: split)
        case .synthetic: return try synthetic.dataset(split: split)
        }
    }
}
