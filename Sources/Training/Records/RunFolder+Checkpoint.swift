import Files

extension RunFolder {
    /// The run that holds the checkpoint or the file, however it was named; nil where none does.
    static func holding(_ checkpoint: Checkpoint) throws(FileError) -> RunFolder? {
        // The path may be a link into a run; the run's own folders may be links to another disk.
        for place in [FileSystem.resolved(checkpoint.path), FileSystem.absolute(checkpoint.path)] {
            // RUN/checkpoints/step-NNNNNNNN/model.safetensors
            var folder = place
            for _ in 0..<(checkpoint.state == nil ? 3 : 2) {
                folder = FileSystem.directory(of: folder)
                let run = RunFolder(folder)
                guard try FileSystem.kind(run.config) == .file, try FileSystem.kind(run.checkpoints) == .directory
                else {
                    continue
                }
                // Other tools have files of these names, too.
                if checkpoint.state != nil { return run }
                if try run.holdsOwnConfiguration() { return run }
            }
        }
        return nil
    }
}
