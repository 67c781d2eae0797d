import CMPI

/// MPI's name for an element type.
package struct MPIDatatype {
    let handle: OpaquePointer?
}

/// A number that MPI can send and reduce.
package protocol MPIElement: BitwiseCopyable, Sendable {
    static var mpiDatatype: MPIDatatype { get }
}

extension Float: MPIElement {
    package static var mpiDatatype: MPIDatatype { .init(handle: cmpi_float()) }
}

extension Double: MPIElement {
    package static var mpiDatatype: MPIDatatype { .init(handle: cmpi_double()) }
}

extension Int32: MPIElement {
    package static var mpiDatatype: MPIDatatype { .init(handle: cmpi_int32()) }
}

extension Int64: MPIElement {
    package static var mpiDatatype: MPIDatatype { .init(handle: cmpi_int64()) }
}

extension UInt8: MPIElement {
    package static var mpiDatatype: MPIDatatype { .init(handle: cmpi_uint8()) }
}

extension UInt64: MPIElement {
    package static var mpiDatatype: MPIDatatype { .init(handle: cmpi_uint64()) }
}

/// How an all-reduce combines the ranks' values, element by element.
package enum ReduceOperation: Sendable {
    case sum, min, max

    var handle: OpaquePointer? {
        switch self {
        case .sum: cmpi_sum()
        case .min: cmpi_min()
        case .max: cmpi_max()
        }
    }
}
