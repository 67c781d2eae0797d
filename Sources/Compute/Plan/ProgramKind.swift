/// What the passes of a program are for.
package enum ProgramKind: Sendable, CaseIterable {
    /// Forward, with running statistics, without dropout.
    case inference
    /// Forward and backward, with the batch's own statistics and dropout.
    case training
    /// Forward, and where it is asked for backward, of the function that inference computes; where its pieces meet, the
    /// piece can be kept from an earlier pass (``Kinks``).
    case probing

    var hasBackward: Bool { self != .inference }
    /// Of BatchNorm; else the running ones.
    var usesBatchStatistics: Bool { self == .training }
}
