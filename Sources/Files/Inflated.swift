import CZlib

/// A block of zlib's format (RFC 1950) in memory.
package enum Inflated {
    /// - Parameter limit: more bytes than these do not come out of it.
    /// - Returns: nil for what is cut short, damaged, followed by something else or too large.
    package static func bytes(of packed: some Collection<UInt8>, limit: Int) -> [UInt8]? {
        var input = Array(packed)
        guard let inputCount = UInt32(exactly: input.count) else { return nil }
        var stream = z_stream()
        guard inflateInit_(&stream, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else { return nil }
        // zlib's state points back at the stream, which stays where it is until then.
        defer { inflateEnd(&stream) }
        var result: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        var status = Z_OK
        input.withUnsafeMutableBufferPointer { input in
            (stream.next_in, stream.avail_in) = (input.baseAddress, inputCount)
            while status == Z_OK, result.count <= limit {
                let written = chunk.withUnsafeMutableBufferPointer { chunk in
                    (stream.next_out, stream.avail_out) = (chunk.baseAddress, UInt32(chunk.count))
                    status = inflate(&stream, Z_NO_FLUSH)
                    return chunk.count - Int(stream.avail_out)
                }
                result += chunk[..<written]
            }
        }
        return status == Z_STREAM_END && stream.avail_in == 0 && result.count <= limit ? result : nil
    }
}
