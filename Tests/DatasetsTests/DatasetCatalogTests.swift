import Datasets
import Glibc
import Testing

private let debianFolder = "/usr/share/datasets/fashion-mnist"
private let debianHasFashionMNIST = (try? DatasetEntry.fashionMNIST.load(split: .test)) != nil

@Suite struct DatasetCatalogTests {
    @Test func `names are those of the command line`() {
        #expect(
            datasetCatalog.names == [
                "fashion-mnist", "mnist", "cifar10", "cifar100", "imagenet", "tiny-imagenet", "imagenet-v2",
                "imagenet-c", "imagenet-r", "imagenet-a", "image-folder", "synthetic",
            ])
    }

    @Test func `a missing folder is reported with how to get the data`() throws {
        let error = try datasetError {
            _ = try DatasetEntry.fashionMNIST.load(directory: "/nowhere/at/all", split: .train)
        }
        #expect(error == .missingDirectory(path: "/nowhere/at/all", dataset: .fashionMNIST))
        #expect(error.description.contains("/nowhere/at/all"))
        #expect(error.description.contains("apt-get install dataset-fashion-mnist"))
        #expect(error.description.contains("--data DIR"))
    }

    @Test(arguments: [DatasetEntry.mnist, .cifar10, .cifar100])
    func `a data set without a default folder asks for one`(name: DatasetEntry) throws {
        let error = try datasetError { _ = try name.load(split: .train) }
        #expect(error == .directoryNotGiven(dataset: name))
        #expect(error.description.contains("--data DIR") && error.description.contains(name.name))
    }

    @Test(arguments: [
        (DatasetEntry.mnist, "train-labels-idx1-ubyte", "one of the data set's files: name its folder"),
        (.mnist, "t10k-images.idx3-ubyte.gz", "name its folder"), (.cifar10, "data_batch_4.bin", "name its folder"),
        (.cifar10, "cifar-10-binary.tar.gz", "unpack it first"), (.cifar100, "x.zip", "unpack it first"),
        (.cifar10, "cifar-10-python.tar.gz", "the binary version"), (.mnist, "notes.txt", "is a file, not a folder"),
    ])
    func `a file named in the folder's place is distinguished from a missing folder`(
        name: DatasetEntry, file: String, text: String
    ) throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(file, [1])
        let error = try datasetError { _ = try name.load(directory: path, split: .train) }
        #expect(error.description.contains(text) && error.description.contains(path))
    }

    @Test func `what keeps from looking into the folder is reported with the system's word`() throws {
        let folder = try TemporaryFolder()
        let file = try folder.write("file", [1])
        symlink("loop", folder.path + "/loop")
        symlink("gone", folder.path + "/dead")
        mkfifo(folder.path + "/pipe", 0o600)
        for (path, text) in [
            (file + "/x", "Not a directory"), (folder.path + "/loop/x", "Too many levels of symbolic links"),
            (folder.path + "/dead", "a symbolic link to gone, which does not exist"),
            (folder.path + "/" + String(repeating: "n", count: 256), "File name too long"),
            (folder.path + "/pipe", "a named pipe, not a folder"),
        ] {
            for name in [DatasetEntry.mnist, .cifar10] {
                let error = try datasetError { _ = try name.load(directory: path, split: .test) }
                #expect(error.description.contains(text) && error.description.contains(path))
            }
        }
    }

    @Test func `Fashion-MNIST's default folder is Debian's`() {
        #expect(DatasetEntry.fashionMNIST.defaultDirectory == debianFolder)
    }

    @Test(.enabled(if: debianHasFashionMNIST)) func `the real Fashion-MNIST has its published size and statistics`()
        throws
    {
        let train = try DatasetEntry.fashionMNIST.images(split: .train)
        let test = try DatasetEntry.fashionMNIST.images(split: .test)
        #expect(train.count == 60_000 && test.count == 10_000)
        #expect(train.shape == ImageShape(channels: 1, height: 28, width: 28) && test.shape == train.shape)
        #expect(train.labels[0] == 9 && test.labels[0] == 9)
        for label in Int32(0)..<10 {
            #expect(train.labels.count { $0 == label } == 6000 && test.labels.count { $0 == label } == 1000)
        }
        let (sum, squares) = train.pixels.reduce((0, 0)) { ($0.0 + Int($1), $0.1 + Int($1) * Int($1)) }
        let mean = Double(sum) / Double(train.pixels.count) / 255
        let std = (Double(squares) / Double(train.pixels.count) / (255 * 255) - mean * mean).squareRoot()
        #expect(abs(mean - train.normalization.mean[0]) < 5e-5 && abs(std - train.normalization.std[0]) < 5e-5)
    }
}

@Suite struct SyntheticImagesTests {
    let recipe = SyntheticImages(
        shape: ImageShape(channels: 3, height: 9, width: 7), classCount: 6, trainCount: 120, testCount: 60, seed: 3)

    @Test func `sizes, labels and names are as asked for`() throws {
        let train = try #require(
            try DatasetEntry.synthetic.load(DatasetRequest(.train, synthetic: recipe)) as? ImageDataset)
        #expect(train.count == 120 && train.shape == recipe.shape && train.classCount == 6)
        #expect(train.labels == (0..<120).map { Int32($0 % 6) } && train.name == "synthetic")
        #expect(try recipe.dataset(split: .test).count == 60)
    }

    @Test func `images depend on seed and split, and a sample not on how many there are`() throws {
        let train = try recipe.dataset(split: .train)
        #expect(try recipe.dataset(split: .train).pixels == train.pixels)
        var other = recipe
        other.seed = 4
        #expect(try other.dataset(split: .train).pixels != train.pixels)
        #expect(try recipe.dataset(split: .test).pixels != Array(train.pixels.prefix(60 * recipe.shape.count)))
        var fewer = recipe
        fewer.trainCount = 10
        #expect(try fewer.dataset(split: .train).pixels == Array(train.pixels.prefix(10 * recipe.shape.count)))
    }

    @Test func `test samples lie nearest to the training mean of their class`() throws {
        let (train, test) = (try recipe.dataset(split: .train), try recipe.dataset(split: .test))
        let size = recipe.shape.count
        var means = [[Double]](repeating: [Double](repeating: 0, count: size), count: 6)
        for sample in 0..<train.count {
            for pixel in 0..<size {
                means[Int(train.labels[sample])][pixel] += Double(train.pixels[sample * size + pixel]) / 20
            }
        }
        for sample in 0..<test.count {
            let distances = means.map { mean in
                (0..<size).reduce(0.0) { $0 + (mean[$1] - Double(test.pixels[sample * size + $1])).magnitude }
            }
            #expect(distances.firstIndex(of: distances.min() ?? 0) == Int(test.labels[sample]))
        }
    }

    @Test func `pixels have about the normalization's mean and deviation`() throws {
        let data = try SyntheticImages(classCount: 100, trainCount: 1000).dataset(split: .train)
        let values = data.pixels.map { Double($0) / 255 }
        let mean = values.reduce(0, +) / Double(values.count)
        let std = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)).squareRoot()
        #expect(abs(mean - 0.5) < 0.03 && abs(std - 0.25) < 0.06)
    }

    @Test func `impossible sizes are errors`() throws {
        var empty = recipe
        empty.testCount = 0
        _ = try datasetError { _ = try empty.dataset(split: .test) }
        var huge = recipe
        huge.shape = ImageShape(channels: 1 << 40, height: 1 << 40, width: 3)
        _ = try datasetError { _ = try huge.dataset(split: .train) }
        huge.shape = ImageShape(channels: 3, height: 1 << 20, width: 1 << 20)
        _ = try datasetError { _ = try huge.dataset(split: .train) }
    }
}
