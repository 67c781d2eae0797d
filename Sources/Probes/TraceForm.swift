/// How a probe takes vᵀHv.
package enum TraceForm: String, Sendable, CaseIterable {
    /// From differences of gradients: two gradients a probe, and the traces of all tensors with it.
    case gradients
    /// From the second difference of losses: two forward passes a probe, a third of the cost.
    case losses
}
