import ArgumentParser
import Training

/// The command line: parse, validate, call `Training`.
@main
package struct CRSAMDist: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "crsam-dist",
        abstract: "Data-parallel training with curvature-regularized sharpness-aware minimization (CR-SAM) over MPI.",
        discussion: """
            Start it with mpirun, one rank a core:

              mpirun -np 2 crsam-dist train
              mpirun -np 8 --hostfile HOSTS crsam-dist train \\
                  --dataset cifar10 --data DIR --model resnet18

            Every command also runs alone, as one rank.
            """,
        version: Job.version,
        subcommands: [Train.self, Evaluate.self, Export.self, Data.self, Models.self, Presets.self, Bench.self])

    package init() {}

    /// Errors of any kind leave here, as one line from one rank.
    package static func main() {
        Job.prepare()
        do {
            var command = try command(for: Array(CommandLine.arguments.dropFirst()))
            try command.run()
        } catch {
            // Narrower lines would break the examples, which are there to be copied.
            let ending = ending(by: error, columns: max(Console.columns ?? 80, 80))
            guard ending.status == 0 else { Job.fail(ending.text, status: ending.status) }
            do { try Job.print { ending.text } } catch { Job.fail("\(error)") }
        }
    }

    /// The command that the arguments after the program's name ask for.
    ///
    /// - Throws: what ``ending(by:columns:)`` makes a text of, a request for help among it.
    package static func command(for arguments: [String]) throws -> any ParsableCommand {
        if let option = ArgumentForms.singleDashed(arguments) {
            throw SingleDashedOption(option: option)
        }
        return try parseAsRoot(ArgumentForms.attached(arguments))
    }

    /// What a command ends with that threw `error`: its text and its status; 0 for help and the like, which are no
    /// errors.
    package static func ending(by error: any Error, columns: Int) -> (text: String, status: Int32) {
        let code = exitCode(for: error)
        if code.isSuccess { return (fullMessage(for: error, columns: columns), 0) }
        if error is SingleDashedOption { return ("\(error)", ExitCode.validationFailure.rawValue) }
        // An error of the work itself has no flag to look up.
        guard code == .validationFailure else { return ("\(error)", 1) }
        let said = message(for: error)
        let text = ArgumentForms.unknownOption(said) ?? ArgumentForms.unknownCommand(said) ?? said
        return ("\(text.hasSuffix(".") ? text.dropLast() : text[...]); see \(helpCommand(for: error))", code.rawValue)
    }

    /// The help that lists the flags of the command in question, as the parser itself advises.
    private static func helpCommand(for error: any Error) -> String {
        let advice = fullMessage(for: error, columns: nil).split(separator: "See '").last?.split(separator: "'").first
        return advice.map(String.init) ?? "crsam-dist --help"
    }
}

/// A command that runs with settings.
package protocol ConfiguredCommand: ParsableCommand {
    /// The settings that its flags and files come to. Those of a run to resume are not in it.
    func configuration() throws -> RunConfiguration
}

private struct SingleDashedOption: Error, CustomStringConvertible {
    let option: String

    var description: String { "Unknown option '\(option)': long options begin with two dashes, '-\(option)'" }
}
