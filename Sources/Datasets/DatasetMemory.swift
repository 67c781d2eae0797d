import Vectors

extension MemoryShare {
    /// Whether images fit into this rank's memory: every rank holds the whole data set.
    ///
    /// - Parameters:
    ///   - source: a file, or what makes the images.
    ///   - bytes: about to be taken at once.
    package func check(_ source: String, _ bytes: Int) throws(DatasetError) {
        do throws(MemoryShortage) {
            try check(
                MemoryNeed("images", bytes),
                remedy:
                    "start fewer ranks on this host, as each holds the whole data set, or use one with more memory"
            )
        } catch {
            throw .memory(source: source, shortage: error)
        }
    }
}
