import ArgumentParser
import Training

struct Models: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List the models: parameters, multiply-adds and memory of a sample.")

    @Option(help: "Channels of the images. (default: the published 3)", transform: ArgumentForms.wholeNumber)
    var channels: Int?
    @Option(help: "Classes. (default: the published number)", transform: ArgumentForms.wholeNumber)
    var classes: Int?

    func validate() throws {
        if let channels, !(1...64).contains(channels) { throw ValidationError("--channels must be from 1 to 64") }
        if let classes, !(1...100_000).contains(classes) { throw ValidationError("--classes must be from 1 to 100000") }
    }

    func run() throws {
        try Job.requireMinimum("the table of models")
        try Job.print { try ModelTable(channels: channels, classes: classes).text }
    }
}
