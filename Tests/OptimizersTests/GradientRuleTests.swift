import Objectives
import Optimizers
import Testing
import Vectors

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

private let start: [Double] = [0.75, -0.5, 1.25]
private let full = AnalyticFunction.quadratic([[3, 1, 0.5], [1, 2, -0.25], [0.5, -0.25, 1.5]], [0.5, -1, 0.25])
private let quartic = AnalyticFunction.sample(0)

/// One evaluation at `start` (or `weights`): G, and the step's scalars.
private func run(
    _ method: Method, _ objective: AnalyticObjective, at weights: [Double] = start
) throws -> (gradient: [Double], terms: StepTerms) {
    let rule = try method.makeRule(parameterCount: objective.parameterCount)
    let point = FlatVector(weights.map(Float.init))
    let gradient = FlatVector(count: objective.parameterCount)
    gradient.fill(.nan)
    let terms = try rule.evaluate(objective, at: point, into: GradientSum(gradient))
    #expect(point.doubles == weights, "the weights are only read")
    return (gradient.doubles, terms)
}

private func crsam(_ radius: Double, _ trace: Double, _ norm: Double, _ regularizer: Regularizer = .linear) -> Method {
    .crsam(perturbationRadius: radius, traceWeight: trace, normWeight: norm, regularizer: regularizer)
}

@Suite struct GradientRuleTests {
    @Test(arguments: [full, AnalyticFunction.diagonal([4, 1, 0.5], [1, 0, -2]), quartic])
    func `plain is g0, SAM is g⁺, linear CR-SAM is g⁺ + α(g⁺ + g⁻ − 2g0) + β(g⁺ − g⁻)`(
        function: AnalyticFunction
    ) throws {
        let passes = ReferencePasses(function, at: start, radius: 0.25)
        let objective = AnalyticObjective(function)
        #expect(distance(try run(.plain, objective).gradient, passes.clean.gradient) < 1e-6)
        #expect(
            distance(try run(.sam(perturbationRadius: 0.25), objective).gradient, passes.ascent.gradient) < 3e-6)
        let expected = passes.combined(trace: 0.5, norm: 0.25)
        #expect(distance(try run(crsam(0.25, 0.5, 0.25), objective).gradient, expected) < 1e-5)
    }

    @Test func `every sign of CR-SAM's formula matters at the point where it is tested`() throws {
        let passes = ReferencePasses(quartic, at: start, radius: 0.25)
        let gradient = try run(crsam(0.25, 0.5, 0.25), AnalyticObjective(quartic)).gradient
        #expect(distance(gradient, passes.combined(trace: -0.5, norm: 0.25)) > 0.01)
        #expect(distance(gradient, passes.combined(trace: 0.5, norm: -0.25)) > 0.01)
        #expect(distance(gradient, passes.combined(trace: 0.25, norm: 0.5)) > 0.01)
    }

    @Test func `α alone and β alone each give their own term`() throws {
        let passes = ReferencePasses(quartic, at: start, radius: 0.25)
        let objective = AnalyticObjective(quartic)
        #expect(
            distance(try run(crsam(0.25, 2, 0), objective).gradient, passes.combined(trace: 2, norm: 0)) < 1e-5)
        #expect(
            distance(try run(crsam(0.25, 0, 2), objective).gradient, passes.combined(trace: 0, norm: 2)) < 1e-5)
    }

    @Test func `on a quadratic, curvature is vᵀAv and slope is ‖∇L‖ exactly, whatever ρ`() throws {
        let g0 = full.gradient(start)
        let norm = dot(g0, g0).squareRoot()
        let v = g0.map { $0 / norm }
        let exact = dot(v, sum(full.gradient(v), -1, full.gradient([0, 0, 0])))
        for radius in [0.125, 0.5, 2] {
            let terms = try run(crsam(radius, 0.1, 0.01), AnalyticObjective(full)).terms
            // ε is rounded to single precision: what is left is that rounding over ρ².
            #expect(abs(try #require(terms.curvature) - exact) < 5e-6 / (radius * radius))
            #expect(abs(try #require(terms.slope) - norm) < 2e-6 / radius)
            #expect(abs(terms.gradientNorm - norm) < 1e-6)
        }
    }

    @Test func `curvature is negative where the loss is concave`() throws {
        let terms = try run(crsam(0.25, 0.1, 0.01), AnalyticObjective(.cosines), at: [0.25, -0.5, 0.125]).terms
        let passes = ReferencePasses(.cosines, at: [0.25, -0.5, 0.125], radius: 0.25)
        #expect(abs(try #require(terms.curvature) - passes.secondDifference / 0.0625) < 1e-4)
        #expect(try #require(terms.curvature) < -0.5)
    }

    @Test func `the perturbed points are w ± ρ·g0 over ‖g0‖`() throws {
        let objective = AnalyticObjective(quartic)
        _ = try run(crsam(0.25, 0.1, 0.01), objective)
        let direction = ReferencePasses(quartic, at: start, radius: 0.25).direction
        let points = objective.points.map { $0.map(Double.init) }
        #expect(points.count == 3)
        #expect(points[0] == start)
        #expect(distance(points[1], sum(start, 0.25, direction)) < 2e-7)
        #expect(distance(points[2], sum(start, -0.25, direction)) < 2e-7)
    }

    @Test func `losses, counts and absent values are those of the method`() throws {
        let passes = ReferencePasses(quartic, at: start, radius: 0.25)
        let plain = try run(.plain, AnalyticObjective(quartic)).terms
        #expect(abs(plain.loss - passes.clean.loss) < 1e-6)
        #expect(plain.ascentLoss == nil && plain.descentLoss == nil && plain.curvature == nil && plain.slope == nil)
        #expect(plain.correct == 1 && plain.sampleCount == 10)
        let sam = try run(.sam(perturbationRadius: 0.25), AnalyticObjective(quartic)).terms
        #expect(abs(try #require(sam.ascentLoss) - passes.ascent.loss) < 1e-6)
        #expect(sam.descentLoss == nil && sam.curvature == nil && sam.slope == nil)
        let both = try run(crsam(0.25, 0.1, 0.01), AnalyticObjective(quartic)).terms
        #expect(abs(try #require(both.descentLoss) - passes.descent.loss) < 1e-6)
        #expect(both.correct == 1 && both.sampleCount == 10, "counted in the clean pass alone")
    }

    @Test(arguments: [Regularizer.linear, .log])
    func `ρ = 0 is plain training, bit for bit and at its cost`(regularizer: Regularizer) throws {
        let plain = try run(.plain, AnalyticObjective(quartic))
        for method in [Method.sam(perturbationRadius: 0), crsam(0, 0.1, 0.01, regularizer)] {
            let objective = AnalyticObjective(quartic)
            #expect(method.gradientEvaluationsPerGroup == 1)
            #expect(try run(method, objective) == plain)
            #expect(objective.calls == [.evaluate(group: 0, pass: .clean)])
        }
    }

    @Test(arguments: [Regularizer.linear, .log])
    func `α = β = 0 is SAM, bit for bit and at its cost`(regularizer: Regularizer) throws {
        let sam = try run(.sam(perturbationRadius: 0.25), AnalyticObjective(quartic))
        let objective = AnalyticObjective(quartic)
        #expect(try run(crsam(0.25, 0, 0, regularizer), objective) == sam)
        #expect(
            objective.calls == [
                .evaluate(group: 0, pass: .clean), .average(group: 0), .evaluate(group: 0, pass: .ascent),
            ])
        #expect(
            crsam(0.25, 0, 0).gradientEvaluationsPerGroup == 2 && crsam(0.25, 0, 1).gradientEvaluationsPerGroup == 3)
    }

    @Test(arguments: [Method.sam(perturbationRadius: 0.5), crsam(0.5, 0.1, 0.01), crsam(0.5, 0.1, 0.01, .log)])
    func `at a stationary point nothing is divided by zero`(method: Method) throws {
        let bowl = AnalyticObjective(.diagonal([1, 2, 3], [0, 0, 0]))
        let (gradient, terms) = try run(method, bowl, at: [0, 0, 0])
        #expect(gradient == [0, 0, 0])
        #expect(terms.gradientNorm == 0 && terms.loss == 0)
        #expect(bowl.points.allSatisfy { $0 == [0, 0, 0] })
    }

    @Test func `a gradient that is not finite shows in the result`() throws {
        let broken = AnalyticFunction(loss: { _ in .nan }, gradient: { $0.map { _ in .nan } })
        for method in [Method.plain, .sam(perturbationRadius: 0.5), crsam(0.5, 0.1, 0.01), crsam(0.5, 0.1, 0.01, .log)]
        {
            let (gradient, terms) = try run(method, AnalyticObjective(broken))
            #expect(terms.loss.isNaN && terms.gradientNorm.isNaN && gradient.allSatisfy(\.isNaN))
        }
    }

    @Test func `hyperparameters that make no sense are refused in one line`() {
        for bad in [-0.1, .nan, .infinity] {
            #expect(throws: OptimizerError.self) { try crsam(bad, 0.1, 0).makeRule(parameterCount: 3) }
            #expect(throws: OptimizerError.self) { try crsam(0.1, bad, 0).makeRule(parameterCount: 3) }
            #expect(throws: OptimizerError.self) { try crsam(0.1, 0, bad).makeRule(parameterCount: 3) }
            #expect(throws: OptimizerError.self) {
                try Method.sam(perturbationRadius: bad).makeRule(parameterCount: 3)
            }
        }
        let error = #expect(throws: OptimizerError.self) { try crsam(-0.5, 0, 0).validate() }
        #expect(error?.description == "the perturbation radius rho is -0.5: it must be finite and at least 0.0")
    }
}

@Suite struct LogFormTests {
    /// The log form is the gradient of L(w + ε) + α·log(L⁺ + L⁻ − 2L⁰) + β·log(L⁺ − L⁻) with ε held fixed: the
    /// published R divides the differences by constants (ρ², 2ρ), which its gradient does not see, and ε's own
    /// dependence on w is dropped, as SAM drops it.
    @Test func `the log form is the gradient of the regularized loss with ε frozen, by central differences`() throws {
        let (radius, trace, norm) = (0.5, 0.75, 0.5)
        let frozen = ReferencePasses(quartic, at: start, radius: radius).direction.map { $0 * radius }
        func regularized(_ w: [Double]) -> Double {
            let clean = quartic.loss(w)
            let ascent = quartic.loss(sum(w, 1, frozen))
            let descent = quartic.loss(sum(w, -1, frozen))
            let curvatureTerm: Double = trace * log(ascent + descent - 2 * clean)
            let slopeTerm: Double = norm * log(ascent - descent)
            return ascent + curvatureTerm + slopeTerm
        }
        let h = 1e-5
        let expected = start.indices.map { i in
            let unit = start.indices.map { $0 == i ? 1.0 : 0 }
            return (regularized(sum(start, h, unit)) - regularized(sum(start, -h, unit))) / (2 * h)
        }
        let (gradient, terms) = try run(crsam(radius, trace, norm, .log), AnalyticObjective(quartic))
        #expect(distance(gradient, expected) < 1e-5)
        #expect(!terms.traceTermSkipped && !terms.normTermSkipped)

        let passes = ReferencePasses(quartic, at: start, radius: radius)
        #expect(distance(gradient, passes.ascent.gradient) > 0.1, "the terms are large enough to be seen")
        #expect(
            distance(
                gradient, passes.combined(trace: -trace / passes.secondDifference, norm: norm / passes.firstDifference))
                > 0.01)
        #expect(
            distance(
                gradient, passes.combined(trace: trace / passes.secondDifference, norm: -norm / passes.firstDifference))
                > 0.01)
    }

    @Test func `where curvature is negative the trace term is skipped and counted, the norm term stays`() throws {
        let at = [0.25, -0.5, 0.125]
        let passes = ReferencePasses(.cosines, at: at, radius: 0.25)
        #expect(passes.secondDifference < 0)
        let (gradient, terms) = try run(crsam(0.25, 0.1, 0.2, .log), AnalyticObjective(.cosines), at: at)
        #expect(terms.traceTermSkipped && !terms.normTermSkipped)
        #expect(distance(gradient, passes.combined(trace: 0, norm: 0.2 / passes.firstDifference)) < 1e-5)
    }

    @Test func `where the loss is lower on the ascent side the norm term is skipped and counted`() throws {
        let function = AnalyticFunction.threePoints(clean: 1, ascent: 1.25, descent: 1.5)
        let (gradient, terms) = try run(crsam(0.5, 0.3, 0.2, .log), AnalyticObjective(function))
        #expect(terms.normTermSkipped && !terms.traceTermSkipped)
        // g⁺ + 0.3·(g⁺ + g⁻ − 2g0)/0.75
        #expect(distance(gradient, [1 + 0.4 * -1, 2 + 0.4 * 3, 0.4 * 1]) < 1e-6)
        #expect(try #require(terms.slope) == -0.25 && terms.curvature == 3)
    }

    @Test(arguments: [(0.5, true), (2.0, false)])
    func `the floor is 1e-6 in units of the loss, for each difference`(multiple: Double, skipped: Bool) throws {
        #expect(Coefficients.logDifferenceFloor == 1e-6)
        // The passes' losses are given as they are, in turn: differences just below and just above the floor.
        let second = AnalyticObjective(.threePoints(clean: 0, ascent: 1 + 1e-6 * multiple, descent: -1))
        let traced = try run(crsam(0.5, 0.1, 0, .log), second).terms
        #expect(traced.traceTermSkipped == skipped && !traced.normTermSkipped, "β is 0: no norm term to skip")
        let first = AnalyticObjective(.threePoints(clean: 0, ascent: 1 + 1e-6 * multiple, descent: 1))
        let normed = try run(crsam(0.5, 0, 0.1, .log), first).terms
        #expect(normed.normTermSkipped == skipped && !normed.traceTermSkipped, "α is 0: no trace term to skip")
    }

    @Test func `with both terms skipped the log form is SAM`() throws {
        let flat = AnalyticFunction.threePoints(clean: 1, ascent: 1, descent: 1)
        let (gradient, terms) = try run(crsam(0.5, 0.1, 0.1, .log), AnalyticObjective(flat))
        #expect(terms.traceTermSkipped && terms.normTermSkipped)
        #expect(gradient == (try run(.sam(perturbationRadius: 0.5), AnalyticObjective(flat))).gradient)
    }
}
