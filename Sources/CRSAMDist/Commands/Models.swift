import ArgumentParser
import Models
import Training

enum PlanFlags: SettingSelection {
    static let flags = SettingFlag.some(["batch-size": "64", "convolution": "auto", "precision": "float32"]).map {
        $0.setting.name == "batch-size"
            ? SettingFlag(setting: $0.setting, help: "Samples of one forward pass. (default: 64)") : $0
    }
}

struct Models: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List the models: parameters, multiply-adds and memory of a sample.",
        discussion: """
            With --plan, list instead what a forward and a backward pass of one model do on this processor: every \
            operation with its kernel, the orders of its operands (in oneDNN's names) and its size.
            """)

    @Option(help: "Channels of the images. (default: the published 3)", transform: ArgumentForms.wholeNumber)
    var channels: Int?
    @Option(help: "Classes. (default: the published number)", transform: ArgumentForms.wholeNumber)
    var classes: Int?
    @Option(help: "Print the plan of this model.")
    var plan: String?
    @OptionGroup(title: "Plan") var settings: SettingFlags<PlanFlags>

    func validate() throws {
        if let channels, !(1...64).contains(channels) { throw ValidationError("--channels must be from 1 to 64") }
        if let classes, !(1...100_000).contains(classes) { throw ValidationError("--classes must be from 1 to 100000") }
        if plan == nil, let name = settings.given.first?.name { throw ValidationError("--\(name) goes with --plan") }
    }

    func run() throws {
        try Job.requireMinimum("the table of models")
        guard let plan else { return try Job.print { try ModelTable(channels: channels, classes: classes).text } }
        guard (try? modelCatalog.entry(plan)) != nil else {
            throw ConfigurationError.value(
                plan, at: "--plan", mustBe: SettingText.choice(plan, among: modelCatalog.names))
        }
        let given = [("batch-size", "64"), ("model", plan)] + settings.given
        let configuration = try GivenSettings(flags: given).configuration
        try Job.print { try PlanTable(configuration, channels: channels, classes: classes).text }
    }
}
