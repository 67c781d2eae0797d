import CMPI

/// MPI's name for an element type.
public struct MPIDatatype {
    let handle: OpaquePointer?
}

/// A number that MPI can send and reduce.
public protocol MPIElement: BitwiseCopyable, Sendable {
    static var mpiDatatype: MPIDatatype { get }
}

extension Float: MPIElement {
    public static var mpiDatatype: MPIDatatype { .init(handle: cmpi_float()) }
}

extension Double: MPIElement {
    public static var mpiDatatype: MPIDatatype { .init(handle: cmpi_double()) }
}

extension Int32: MPIElement {
    public static var mpiDatatype: MPIDatatype { .init(handle: cmpi_int32()) }
}

extension Int64: MPIElement {
    public static var mpiDatatype: MPIDatatype { .init(handle: cmpi_int64()) }
}

extension UInt8: MPIElement {
    public static var mpiDatatype: MPIDatatype { .init(handle: cmpi_uint8()) }
}

extension UInt64: MPIElement {
    public static var mpiDatatype: MPIDatatype { .init(handle: cmpi_uint64()) }
}

/// How an all-reduce combines the ranks' values, element by element.
public enum ReduceOperation: Sendable {
    case sum, min, max

    var handle: OpaquePointer? {
        switch self {
        case .sum: cmpi_sum()
        case .min: cmpi_min()
        case .max: cmpi_max()
        }
    }
}
