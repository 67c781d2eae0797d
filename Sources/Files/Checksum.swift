import CZlib

/// CRC-32 as zlib, PNG and gzip have it.
package enum Checksum {
    package static func crc32(_ bytes: UnsafeRawBufferPointer, after earlier: UInt32 = 0) -> UInt32 {
        var value = UInt(earlier)
        var rest = bytes
        while !rest.isEmpty {
            let part = UnsafeRawBufferPointer(rebasing: rest.prefix(1 << 30))
            value = CZlib.crc32(value, part.baseAddress?.assumingMemoryBound(to: UInt8.self), UInt32(part.count))
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(part.count))
        }
        return UInt32(truncatingIfNeeded: value)
    }
}
