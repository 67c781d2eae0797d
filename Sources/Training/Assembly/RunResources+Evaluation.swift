import Collectives
import Datasets
import Models
import Vectors

extension RunResources {
    /// Further test images, normalized as the training images are. Every rank must call it at the same time.
    ///
    /// Throws unless the network can take them and their labels mean the same.
    static func evaluationSet(
        _ set: EvaluationSet, of configuration: RunConfiguration, _ model: ModelEntry, like train: any Dataset,
        _ memory: MemoryShare, _ world: Communicator
    ) throws -> any Dataset {
        var own = configuration
        own.dataset = set.dataset ?? configuration.dataset
        own.dataDirectory = set.directory
        own.normalization = nil
        // Its images were cropped when they were made.
        if own.dataset == .imageNetC { own.cropRatio = 1 }
        var data = try dataset(own, model, .test, memory, world)
        let place = "--evaluate-on \(set.text)"
        guard data.shape == train.shape else {
            throw ConfigurationError(
                "\(place): its images are \(data.shape.text), those of the training \(train.shape.text)",
                remedy: "name images of the same form")
        }
        var mayLackClasses = false
        if let train = train as? EncodedImages, let data = data as? EncodedImages {
            try requireSameClasses(
                train.store.index.classes, data.store.index.classes, of: "the set",
                at: place, remedy: "name images of the same classes")
            mayLackClasses = true
        }
        guard data.classCount == train.classCount || mayLackClasses && data.classCount < train.classCount else {
            throw ConfigurationError(
                "\(place): its images are of \(data.classCount) classes, those of the training of "
                    + "\(train.classCount)", remedy: "name images of the same classes")
        }
        data.normalization = train.normalization
        return data
    }
}
