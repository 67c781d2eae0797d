import COpenBLAS

/// The library of vector algebra, for who reports what a program runs on.
package enum OpenBLAS {
    /// Name, version, build options and the processor's kernels, such as `OpenBLAS 0.3.21 DYNAMIC_ARCH Haswell`.
    package static var configuration: String {
        openblas_get_config().map { String(cString: $0) } ?? "OpenBLAS"
    }
}
