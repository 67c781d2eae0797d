import Objectives
import Vectors

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A function with its gradient, in Double.
struct AnalyticFunction: Sendable {
    var loss: @Sendable ([Double]) -> Double
    var gradient: @Sendable ([Double]) -> [Double]

    /// ½wᵀAw + bᵀw, A symmetric.
    static func quadratic(_ a: [[Double]], _ b: [Double]) -> AnalyticFunction {
        let gradient: @Sendable ([Double]) -> [Double] = { w in zip(a, b).map { dot($0, w) + $1 } }
        return AnalyticFunction(
            loss: { w in 0.5 * dot(w, a.map { dot($0, w) }) + dot(b, w) }, gradient: gradient)
    }

    static func diagonal(_ a: [Double], _ b: [Double]) -> AnalyticFunction {
        quadratic(a.indices.map { row in a.indices.map { $0 == row ? a[row] : 0 } }, b)
    }

    /// Σ cᵢwᵢ⁴/4 + ½(Σ wᵢ)² + bᵀw: third derivatives that do not vanish, coordinates that do not separate.
    static func quartic(_ c: [Double], _ b: [Double]) -> AnalyticFunction {
        AnalyticFunction(
            loss: { w in
                let sum = w.reduce(0, +)
                return zip(c, w).reduce(0) { $0 + $1.0 * $1.1 * $1.1 * $1.1 * $1.1 / 4 } + 0.5 * sum * sum + dot(b, w)
            },
            gradient: { w in
                let sum = w.reduce(0, +)
                return w.indices.map { c[$0] * w[$0] * w[$0] * w[$0] + sum + b[$0] }
            })
    }

    /// Σ cos wᵢ: negative curvature where cos wᵢ > 0.
    static let cosines = AnalyticFunction(
        loss: { w in w.reduce(0) { $0 + cos($1) } }, gradient: { w in w.map { -sin($0) } })

    /// Three plateaus along the first axis, separated at w₀ = 0.75 ± 0.5: losses as given, g0 = (1, 0, 0),
    /// g⁺ = (1, 2, 0), g⁻ = (0, 1, 1). No function has these; the rule cannot know.
    static func threePoints(clean: Double, ascent: Double, descent: Double) -> AnalyticFunction {
        AnalyticFunction(
            loss: { $0[0] > 1 ? ascent : $0[0] < 0.5 ? descent : clean },
            gradient: { $0[0] > 1 ? [1, 2, 0] : $0[0] < 0.5 ? [0, 1, 1] : [1, 0, 0] })
    }

    /// A quartic of its own for each index.
    static func sample(_ index: Int) -> AnalyticFunction {
        let shift = 0.1 * Double(index)
        return quartic([0.5 + shift, 1.5 - shift, 0.75], [0.25, -0.5 + 3 * shift, 1 - 2 * shift])
    }
}

func dot(_ x: [Double], _ y: [Double]) -> Double { zip(x, y).reduce(0) { $0 + $1.0 * $1.1 } }

func sum(_ x: [Double], _ factor: Double, _ y: [Double]) -> [Double] { zip(x, y).map { $0 + factor * $1 } }

func distance(_ x: [Double], _ y: [Double]) -> Double { dot(sum(x, -1, y), sum(x, -1, y)).squareRoot() }

extension FlatVector {
    var doubles: [Double] { elements.map(Double.init) }
}

/// A call that an objective received, in order.
enum Call: Equatable, Sendable {
    case evaluate(group: Int, pass: Pass)
    case average(group: Int)
    case sumOverBatch
}

/// Functions, one for each group, behind the `GroupedObjective` protocol; records the calls and the points.
final class AnalyticObjective: GroupedObjective {
    let parameterCount: Int
    let groups: [(weight: Double, function: AnalyticFunction)]
    private(set) var calls: [Call] = []
    private(set) var points: [[Float]] = []

    init(parameterCount: Int = 3, _ groups: [(weight: Double, function: AnalyticFunction)]) {
        self.parameterCount = parameterCount
        self.groups = groups
    }

    convenience init(_ function: AnalyticFunction, parameterCount: Int = 3) {
        self.init(parameterCount: parameterCount, [(1, function)])
    }

    var groupCount: Int { groups.count }

    func weight(ofGroup group: Int) -> Double { groups[group].weight }

    /// Final piece by piece, an entry at a time. A group of weight 0 is an empty share: no gradient, a loss that nobody
    /// may read.
    func evaluate(group: Int, pass: Pass, at point: FlatVector, into sink: any GradientSink) throws -> Evaluation {
        calls.append(.evaluate(group: group, pass: pass))
        points.append(point.array)
        guard groups[group].weight > 0 else { return try sink.evaluateNothing() }
        let w = point.doubles
        let values = groups[group].function.gradient(w).map(Float.init)
        let found = Evaluation(loss: groups[group].function.loss(w), correct: group + 1, sampleCount: 10)
        try sink.evaluated(found)
        // What is not ready yet is nobody's to read.
        if (sink as? GradientSum)?.overwrites != false { sink.sum.fill(.nan) }
        try sink.ready(from: parameterCount)
        for index in (0..<parameterCount).reversed() {
            sink.accumulate(index..<index + 1, [values[index]])
            try sink.ready(from: index)
        }
        return found
    }

    func averageDirection(ofGroup group: Int, _ gradient: FlatVector) { calls.append(.average(group: group)) }

    func sumOverBatch(_ losses: inout BatchLosses) { calls.append(.sumOverBatch) }
}

/// What one group contributes, evaluated in Double straight from the definitions.
struct ReferencePasses {
    let direction: [Double]
    let clean, ascent, descent: (loss: Double, gradient: [Double])

    init(_ function: AnalyticFunction, at w: [Double], radius: Double) {
        let g0 = function.gradient(w)
        let norm = dot(g0, g0).squareRoot()
        let direction = g0.map { $0 / norm }
        func point(_ offset: Double) -> (loss: Double, gradient: [Double]) {
            let at = sum(w, offset, direction)
            return (function.loss(at), function.gradient(at))
        }
        self.direction = direction
        (clean, ascent, descent) = (point(0), point(radius), point(-radius))
    }

    /// g⁺ + a(g⁺ + g⁻ − 2g0) + b(g⁺ − g⁻)
    func combined(trace a: Double, norm b: Double) -> [Double] {
        direction.indices.map { i in
            let (plus, minus, zero) = (ascent.gradient[i], descent.gradient[i], clean.gradient[i])
            return plus + a * (plus + minus - 2 * zero) + b * (plus - minus)
        }
    }

    var secondDifference: Double { ascent.loss + descent.loss - 2 * clean.loss }
    var firstDifference: Double { ascent.loss - descent.loss }
}
