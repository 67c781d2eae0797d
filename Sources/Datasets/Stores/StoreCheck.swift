import Files

/// Reads and decodes samples once, to find what would end a training.
package struct StoreCheck {
    /// Samples that are bad, with what is wrong.
    package private(set) var problems: [(path: String, reason: String)] = []
    /// How many are of each unusual but sound kind.
    package private(set) var oddities: [String: Int] = [:]
    package private(set) var byteCount = 0
    private let store: SampleStore
    private let decoder: ImageDecoder
    private let buffer = ByteBuffer()
    private let image = PixelImage()

    package init(_ store: SampleStore) throws(DecodingError) {
        self.store = store
        decoder = try ImageDecoder()
    }

    /// - Returns: what is wrong with the sample; nil if nothing is.
    package mutating func check(_ sample: Int) -> String? {
        do {
            try store.read(sample, into: buffer)
            byteCount += buffer.count
            let wanted = store.index.checksum(of: sample)
            if wanted != 0, Checksum.crc32(buffer.bytes) != wanted {
                return note(sample, "its bytes are others than when it was indexed")
            }
            try decoder.decode(buffer.bytes, into: image)
            if let oddity = decoder.oddity { oddities[oddity, default: 0] += 1 }
            return nil
        } catch { return note(sample, "\(error)") }
    }

    private mutating func note(_ sample: Int, _ reason: String) -> String {
        problems.append((store.path(of: sample), reason))
        return reason
    }
}

extension SampleIndex {
    /// With the checksum of every sample, whose bytes are read for it.
    ///
    /// - Parameter progress: called after each sample with how many are done.
    package func withChecksums(
        in folder: String, progress: (Int) -> Void = { _ in }
    ) throws(DatasetError) -> SampleIndex {
        let store = try SampleStore(self, in: folder)
        let buffer = ByteBuffer()
        var result = self
        for sample in 0..<count {
            try store.read(sample, into: buffer)
            result.setChecksum(Checksum.crc32(buffer.bytes), of: sample)
            progress(sample + 1)
        }
        return result
    }
}
