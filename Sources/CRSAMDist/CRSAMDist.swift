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
              mpirun -np 8 --hostfile HOSTS crsam-dist train --dataset cifar10 --data DIR --model resnet18

            Every command also runs alone, as one rank.
            """,
        subcommands: [Train.self, Evaluate.self, Models.self, Bench.self])

    /// Errors of any kind leave here, as one line from one rank.
    static func main() {
        let arguments = Array(CommandLine.arguments.dropFirst())
        if let option = ArgumentForms.singleDashed(arguments) {
            Job.fail("Unknown option '\(option)': long options begin with two dashes, '-\(option)'", status: 64)
        }
        let command: any ParsableCommand
        do { command = try parseAsRoot(ArgumentForms.attached(arguments)) } catch {
            // Help is asked for once, however many ranks print it.
            if exitCode(for: error).isSuccess {
                if Job.speaksBeforeStart { print(fullMessage(for: error)) }
                Job.leave()
            }
            Job.fail("\(message(for: error)); see crsam-dist --help", status: exitCode(for: error).rawValue)
        }
        var runnable = command
        do { try runnable.run() } catch let error where exitCode(for: error).isSuccess {
            if Job.speaksBeforeStart { print(fullMessage(for: error)) }
            Job.leave()
        } catch { Job.fail("\(error)") }
    }
}
