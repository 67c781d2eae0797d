import Testing
import Vectors

/// Random vectors whose length is no multiple of any lane count.
private func randomVector(_ count: Int, index: Int) -> FlatVector {
    var stream = RandomStream(seed: 7, purpose: .test, index: index)
    return FlatVector((0..<count).map { _ in stream.normal() })
}

@Suite struct FlatVectorTests {
    @Test(arguments: [0, 1, 15, 16, 17, 1001]) func `norm and dot agree with a plain loop in Double`(count: Int) {
        let x = randomVector(count, index: 1)
        let y = randomVector(count, index: 2)
        let square = x.array.reduce(0.0) { $0 + Double($1) * Double($1) }
        let product = zip(x.array, y.array).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
        #expect(abs(x.norm - square.squareRoot()) <= 1e-13 * (1 + square))
        #expect(abs(x.dot(y) - product) <= 1e-12 * (1 + square))
    }

    @Test func `the norm of a long constant vector keeps Double's precision`() {
        let x = FlatVector(count: 5_000_000)
        x.fill(0.1)
        let exact = Double(Float(0.1)) * 5_000_000.0.squareRoot()
        #expect(abs(x.norm - exact) < 1e-10 * exact)
    }

    @Test func `sums in bfloat16 are rounded to nearest, from the middle to even`() {
        // 1 + 2⁻⁸ lies half way between 1 and its neighbour, 1 + 2⁻⁷.
        let x: [UInt16] = [0x3F80, 0x3F80, 0x3F81, 0xC000, 0x7F80]
        let y: [UInt16] = [0x3B80, 0x3B81, 0x3B80, 0x4000, 0x3F80]
        var sums = [UInt16](repeating: 1, count: x.count)
        Kernels.sum(of: x, y, isBFloat16: true, count: x.count, into: &sums)
        #expect(sums == [0x3F80, 0x3F81, 0x3F82, 0, 0x7F80])
    }

    @Test func `combine is a x + b y + c z, and a range keeps to itself`() {
        let (x, y, z) = (randomVector(33, index: 1), randomVector(33, index: 2), randomVector(33, index: 3))
        let out = FlatVector(count: 33)
        out.combine(2, x, -3, y, 0.5, z)
        for i in 0..<33 { #expect(out[i] == 2 * x[i] + -3 * y[i] + 0.5 * z[i]) }
        for range in [0..<0, 5..<30, 17..<33] {
            out.fill(1)
            out.combine(2, x, -3, y, 0.5, z, in: range)
            for i in 0..<33 { #expect(out[i] == (range.contains(i) ? 2 * x[i] + -3 * y[i] + 0.5 * z[i] : 1)) }
            out.fill(1)
            out.add(x, scaledBy: 2, in: range)
            for i in 0..<33 { #expect(out[i] == (range.contains(i) ? 1 + 2 * x[i] : 1)) }
            out.fill(3)
            out.scale(by: 2, in: range)
            for i in 0..<33 { #expect(out[i] == (range.contains(i) ? 6 : 3)) }
        }
    }

    @Test func `an average takes d of itself and 1 - d of the values, each product rounded`() {
        let (average, values) = (randomVector(37, index: 1), randomVector(37, index: 2))
        let before = average.array
        average.average(values, decay: 0.9999)
        // 1 − d in Float would be off by 1e-4 of itself.
        let (kept, taken) = (Float(0.9999), Float(1 - 0.9999))
        for i in 0..<37 { #expect(average[i] == before[i] * kept + values[i] * taken) }
        average.average(values, decay: 0)
        #expect(average.array == values.array)
    }

    @Test func `setSum, add, scale and copy act element by element`() {
        let (x, y) = (randomVector(19, index: 1), randomVector(19, index: 2))
        let out = FlatVector(count: 19)
        out.setSum(x, y, scaledBy: 0.25)
        for i in 0..<19 { #expect(out[i] == x[i] + 0.25 * y[i]) }
        out.copy(from: x)
        out.add(y, scaledBy: -1)
        out.scale(by: 3)
        for i in 0..<19 { #expect(out[i] == (x[i] + -1 * y[i]) * 3) }
    }

    @Test(arguments: [true, false]) func `a direction becomes a point, and the point its reflection`(overwrites: Bool) {
        let (direction, base, before) = (
            randomVector(35, index: 1), randomVector(35, index: 2), randomVector(35, index: 3)
        )
        let (sum, point) = (FlatVector(before.array), FlatVector(direction.array))
        point.accumulate(into: sum, scaledBy: 1.5, overwriting: overwrites, thenStep: 0.25, from: base)
        for i in 0..<35 {
            #expect(sum[i] == (overwrites ? 1.5 * direction[i] : before[i] + 1.5 * direction[i]))
            #expect(point[i] == base[i] + 0.25 * direction[i])
        }
        let ascent = point.array
        point.reflect(at: base)
        for i in 0..<35 { #expect(point[i] == 2 * base[i] - ascent[i]) }
    }

    @Test func `a slice shares memory and keeps it alive`() {
        var whole: FlatVector? = FlatVector(count: 32)
        let slice = whole!.slice(16..<20)
        slice.fill(5)
        #expect(whole![16] == 5 && whole![20] == 0)
        whole = nil
        #expect(slice.array == [5, 5, 5, 5])
    }

    @Test(arguments: [0, 1, 63, 64, 200, 999]) func `one flipped bit anywhere changes the fingerprint`(position: Int) {
        let x = randomVector(1000, index: 4)
        let before = x.fingerprint()
        #expect(before == randomVector(1000, index: 4).fingerprint())
        x[position] = Float(bitPattern: x[position].bitPattern ^ 1)
        #expect(x.fingerprint() != before)
    }

    @Test func `the fingerprint distinguishes exchanged elements and lengths`() {
        let x = randomVector(200, index: 5)
        let before = x.fingerprint()
        (x[3], x[67]) = (x[67], x[3])
        #expect(x.fingerprint() != before)
        #expect(FlatVector(count: 8).fingerprint() != FlatVector(count: 9).fingerprint())
        #expect(FlatVector(count: 8).fingerprint(seed: 1) != FlatVector(count: 8).fingerprint(seed: 2))
    }
}

@Suite struct TensorLayoutTests {
    @Test func `tensors start on 64-byte boundaries and do not overlap`() {
        var layout = TensorLayout()
        layout.append("conv1.weight", shape: [16, 3, 3, 3])
        layout.append("bn1.weight", shape: [10])
        layout.append("fc.bias", shape: [1])
        #expect(layout.entries.map(\.offset) == [0, 432, 448])
        #expect(layout.vectorCount == 464)
        #expect(layout.scalarCount == 432 + 10 + 1)
        #expect(layout["bn1.weight"]?.range == 432..<442)
        #expect(layout["missing"] == nil)
    }

    @Test func `blocked channels lie as kernels want them and come back row-major`() {
        var layout = TensorLayout()
        layout.append("bn1.weight", shape: [10])
        let entry = layout.append("conv1.weight", shape: [32, 48, 3, 2], order: .blockedChannels)
        let vector = FlatVector(count: layout.vectorCount)
        vector.fill(-1)
        entry.setValues(in: vector) { for index in 0..<$0.count { $0[index] = Float(index) } }
        // Output 19, input 37, row 2, column 1: the blocks at [1, 2, 2, 1], and in them input 5, output 3.
        #expect(
            vector[entry.offset + ((((1 * 3 + 2) * 3 + 2) * 2 + 1) * 16 + 5) * 16 + 3]
                == Float(((19 * 48 + 37) * 3 + 2) * 2 + 1))
        #expect(entry.values(in: vector).array == (0..<entry.count).map(Float.init))
        #expect(vector.slice(0..<entry.offset).elements.allSatisfy { $0 == -1 })
        #expect(Set(vector.slice(entry.range).array).count == entry.count)
    }
}
