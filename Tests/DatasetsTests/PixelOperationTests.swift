import CZlib
import Datasets
import PolicyCases
import Testing
import Vectors

/// The lines of Goldens/augmentations.txt that begin with a word, cut at blanks.
func augmentationGoldens(_ kind: String) throws -> [[String]] {
    let lines = try String(decoding: goldenFile("augmentations.txt"), as: UTF8.self).split(separator: "\n")
    let chosen = lines.map { $0.split(separator: " ").map(String.init) }.filter { $0[0] == kind }
    try #require(chosen.count > 5)
    return chosen
}

/// As augmentations.py calls them.
private func operation(_ name: String, _ value: Double, _ filter: String, height: Int, width: Int) throws
    -> PixelOperation
{
    func moved(_ map: AffineMap) throws -> PixelOperation {
        .affine(map, try #require(AffineFilter(rawValue: filter)))
    }
    switch name {
    case "brightness": return .brightness(value)
    case "color": return .color(value)
    case "contrast": return .contrast(value)
    case "sharpness": return .sharpness(value)
    case "posterize": return .posterize(Int(value))
    case "solarize": return .solarize(value)
    case "solarizeAdd": return .solarizeAdd(Int(value))
    case "autoContrast": return .autoContrast
    case "equalize": return .equalize
    case "invert": return .invert
    case "greyscale": return .greyscale
    case "gaussianBlur": return .gaussianBlur(value)
    case "shearX": return try moved(.shearX(value))
    case "shearY": return try moved(.shearY(value))
    case "translateX": return try moved(.offset(x: value))
    case "translateY": return try moved(.offset(y: value))
    default:
        try #require(name == "rotate")
        return try moved(.rotation(degrees: value, height: height, width: width))
    }
}

@Suite struct PixelOperationTests {
    @Test func `an operation is Pillow's bit for bit`() throws {
        for golden in try augmentationGoldens("operation") {
            let (height, width) = (try #require(Int(golden[5])), try #require(Int(golden[6])))
            let workspace = pictured(height: height, width: width, channels: try #require(Int(golden[7])))
            if golden[4] == "faint" {
                for place in 0..<workspace.image.count {
                    workspace.image.pixels[place] = workspace.image.pixels[place] / 3 + 40
                }
            }
            try operation(golden[1], #require(Double(golden[2])), golden[3], height: height, width: width)
                .apply(workspace, fill: PixelColor(124, 116, 104))
            #expect(workspace.image.checksum == golden[8], "\(golden)")
        }
    }

    @Test func `a policy is torchvision's or timm's with the same draws`() throws {
        for golden in try augmentationGoldens("policy") {
            let policy = try #require(policyCases.first { $0.name == golden[1] }).policy
            let numbers = try golden[2..<5].map { try #require(Int($0)) }
            let workspace = pictured(height: numbers[1], width: numbers[2])
            var stream = RandomStream(seed: 9, purpose: .test, index: numbers[0])
            var drawn: [PixelOperation] = []
            var same = stream
            policy.draw(height: numbers[1], width: numbers[2], stream: &same, into: &drawn)
            policy.apply(workspace, stream: &stream)
            #expect(workspace.image.checksum == golden[5], "\(golden), drawn \(drawn)")
        }
    }

    @Test func `erasing is timm's with the same draws`() throws {
        let fillings = ["const": RandomErasing.Filling.mean, "rand": .color, "pixel": .pixel]
        let shape = ImageShape(channels: 3, height: 30, width: 21)
        for golden in try augmentationGoldens("erasing") {
            let filling = try #require(fillings[golden[2]])
            let erasing =
                golden[1] == "timm"
                ? RandomErasing.timm(0.7, filling: filling) : .torchvision(0.7, filling: filling)
            let planes = planes(shape)
            var stream = RandomStream(seed: 9, purpose: .test, index: try #require(Int(golden[3])))
            erasing.apply(planes.pointer, shape, stream: &stream)
            let bytes = UnsafeRawPointer(planes.pointer).assumingMemoryBound(to: UInt8.self)
            let checksum = String(crc32(0, bytes, UInt32(shape.count * 4)), radix: 16)
            #expect(String(repeating: "0", count: 8 - checksum.count) + checksum == golden[4], "\(golden)")
        }
    }

    private func planes(_ shape: ImageShape) -> FlatVector {
        let workspace = pictured(height: shape.height, width: shape.width)
        let planes = FlatVector(count: shape.count)
        for channel in 0..<3 {
            for place in 0..<shape.height * shape.width {
                planes.pointer[channel * shape.height * shape.width + place] =
                    Float(workspace.image.pixels[place * 3 + channel]) / 64 - 1
            }
        }
        return planes
    }

    @Test func `the tables of AutoAugment have 25 pairs, whose graded magnitudes are of ten bins`() {
        for table in [AutoAugmentTable.imageNet, .cifar10, .svhn] {
            #expect(table.pairs.count == 25)
            for step in table.pairs.flatMap({ [$0.first, $0.second] }) {
                #expect((0...9).contains(step.magnitude) && (0...1).contains(step.probability))
            }
        }
    }

    @Test func `magnitude 10 of Google's RandAugment leaves solarize without effect`() {
        var solarized: [PixelOperation] = []
        for index in 0..<200 {
            var stream = RandomStream(seed: 1, purpose: .test, index: index)
            var drawn: [PixelOperation] = []
            RandAugmentBigVision().draw(height: 224, width: 224, stream: &stream, into: &drawn)
            solarized += drawn.filter { if case .solarize = $0 { true } else { false } }
        }
        #expect(solarized.count > 5 && solarized.allSatisfy { $0 == .solarize(256) })
    }

    @Test func `timm's RandAugment applies half of its operations, and blackens at 0 bits`() {
        var counts = 0
        var bits: Set<Int> = []
        for index in 0..<4000 {
            var stream = RandomStream(seed: 1, purpose: .test, index: index)
            var drawn: [PixelOperation] = []
            RandAugmentTimm().draw(height: 224, width: 224, stream: &stream, into: &drawn)
            counts += drawn.count
            for case .posterize(let kept) in drawn { bits.insert(kept) }
        }
        #expect(abs(counts - 4000) < 200)
        // N(9, 0.5) clamped at 10, where nothing is left of four bits.
        #expect(bits.isSuperset(of: [0, 1]) && bits.isSubset(of: [0, 1, 2]))
        let workspace = pictured(height: 4, width: 4)
        PixelOperation.posterize(0).apply(workspace, fill: PixelColor())
        #expect((0..<workspace.image.count).allSatisfy { workspace.image.pixels[$0] == 0 })
    }

    @Test func `the CR-SAM authors' magnitudes lie in the ranges of their tenths`() {
        var rotations = 0
        for index in 0..<3000 {
            var stream = RandomStream(seed: 2, purpose: .test, index: index)
            var drawn: [PixelOperation] = []
            OfficialAutoAugment().draw(height: 32, width: 32, stream: &stream, into: &drawn)
            for operation in drawn {
                switch operation {
                case .affine(let map, .bicubic) where map.xx != 1:
                    // Only (rotate, 0.7, 2) turns: by −18° to −12°, where their matrix has the sine below.
                    rotations += 1
                    #expect((0.2...0.31).contains(map.xy * -1) && map.yx == -map.xy)
                    #expect(abs(map.xx * 17 + map.xy * 17 + map.x0 - 17) < 1e-12)
                case .posterize(let bits): #expect((7...7).contains(bits))
                case .contrast(let factor): #expect((1.18...1.54).contains(factor))
                default: break
                }
            }
        }
        // 0.7 in 25.
        #expect((60...110).contains(rotations), "\(rotations)")
    }

    @Test func `Cutout erases half of the images, by at most its square, which may lie half outside`() {
        let shape = ImageShape(channels: 3, height: 32, width: 32)
        var (erased, areas) = (0, Set<Int>())
        for index in 0..<1000 {
            var stream = RandomStream(seed: 3, purpose: .test, index: index)
            var same = stream
            let window = Cutout().window(height: 32, width: 32, stream: &stream)
            let planes = FlatVector(Array(repeating: Float(1), count: shape.count))
            Cutout().apply(planes.pointer, shape, stream: &same)
            let zeros = planes.array.count { $0 == 0 }
            #expect(zeros == 3 * (window.map { $0.height * $0.width } ?? 0))
            erased += window == nil ? 0 : 1
            if let window { areas.insert(window.height * window.width) }
        }
        #expect((450...550).contains(erased))
        #expect(areas.min() ?? 0 >= 64 && areas.max() == 256)
    }
}
