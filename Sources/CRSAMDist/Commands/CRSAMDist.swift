import ArgumentParser
import Training

/// The command line: parse, validate, call `Training`.
@main
struct CRSAMDist: ParsableCommand {
    static let configuration = CommandConfiguration(
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
        subcommands: [Train.self, Evaluate.self, Models.self, Bench.self])

    /// Errors of any kind leave here, as one line from one rank.
    static func main() {
        Job.prepare()
        if let argument = ArgumentForms.notUTF8() {
            Job.fail(
                "argument '\(argument)' is not text in UTF-8: rename what it names, or name a link to it", status: 64)
        }
        let arguments = Array(CommandLine.arguments.dropFirst())
        if let option = ArgumentForms.singleDashed(arguments) {
            Job.fail("Unknown option '\(option)': long options begin with two dashes, '-\(option)'", status: 64)
        }
        do {
            var command = try parseAsRoot(ArgumentForms.attached(arguments))
            try run(&command)
        } catch let error where exitCode(for: error).isSuccess {
            // Narrower lines would break the examples, which are there to be copied.
            let text = fullMessage(for: error, columns: max(Console.columns ?? 80, 80))
            do { try Job.print { text } } catch { Job.fail("\(error)") }
        } catch {
            let text = ArgumentForms.unknownOption(message(for: error)) ?? message(for: error)
            Job.fail("\(text); see \(helpCommand(for: error))", status: exitCode(for: error).rawValue)
        }
    }

    /// An error of the work itself has no flag to look up.
    private static func run(_ command: inout any ParsableCommand) throws {
        do { try command.run() } catch let error where exitCode(for: error).isSuccess || error is ValidationError {
            throw error
        } catch { Job.fail("\(error)") }
    }

    /// The help that lists the flags of the command in question, as the parser itself advises.
    private static func helpCommand(for error: any Error) -> String {
        let advice = fullMessage(for: error, columns: nil).split(separator: "See '").last?.split(separator: "'").first
        return advice.map(String.init) ?? "crsam-dist --help"
    }
}
