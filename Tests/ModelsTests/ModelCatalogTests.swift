import Catalogs
import Models
import Testing
import Vectors

@Suite struct ModelCatalogTests {
    // He et al. 2016, table 6 (0.27 M, 0.46 M, 0.85 M), counted out; kuangliu's CIFAR ResNet-18; timm's ViT at these
    // sizes.
    @Test(arguments: [
        ("resnet8", 3, 10, 75_290), ("resnet20", 3, 10, 269_722), ("resnet32", 3, 10, 464_154),
        ("resnet56", 3, 10, 853_018), ("resnet18", 3, 10, 11_173_962), ("resnet18", 1, 10, 11_172_810),
        ("vit", 3, 10, 5_362_762), ("wrn28-10", 3, 10, 36_479_194), ("resnet50", 3, 1000, 25_557_032),
        ("resnet18-imagenet", 3, 1000, 11_689_512), ("resnet34", 3, 1000, 21_797_672),
        ("resnet101", 3, 1000, 44_549_160), ("resnet152", 3, 1000, 60_192_808), ("wrn16-4", 3, 10, 2_748_890),
        ("vit-ti16", 3, 1000, 5_717_416), ("vit-s16", 3, 1000, 22_050_664), ("vit-s32", 3, 1000, 22_878_952),
        ("vit-b16", 3, 1000, 86_567_656), ("vit-b32", 3, 1000, 88_224_232),
        ("pyramidnet110-48", 3, 10, 1_772_706), ("pyramidnet110-84", 3, 10, 3_904_446),
        ("pyramidnet110-270", 3, 10, 28_485_477), ("pyramidnet272-200", 3, 10, 26_210_842),
    ])
    func `parameter counts are the published ones`(name: String, channels: Int, classes: Int, count: Int) throws {
        let sides = try modelCatalog.entry(name).defaultInputShape.dropFirst()
        let graph = try modelCatalog.entry(name).graph(inputShape: [channels] + sides, classes: classes)
        #expect(graph.parameterLayout.scalarCount == count)
    }

    @Test(arguments: modelCatalog.names)
    func `matrices are what timm and torchvision's recipes decay`(name: String) throws {
        let entry = try modelCatalog.entry(name)
        let layout = try entry.graph(inputShape: entry.defaultInputShape, classes: 10).parameterLayout
        let isOther = { (name: String) in
            name.hasSuffix(".bias") || ["cls_token", "pos_embed"].contains(name) || name.contains("norm")
                || name.contains("bn") || name.contains("downsample.1") || name.contains("shortcut.1")
        }
        #expect(layout.entries.filter { !$0.isMatrix }.map(\.name) == layout.entries.map(\.name).filter(isOther))
    }

    @Test func `names and shapes are torchvision's`() throws {
        let layout = try modelCatalog.entry("resnet18").graph(inputShape: [3, 32, 32], classes: 10).parameterLayout
        #expect(layout["conv1.weight"]?.shape == [64, 3, 3, 3])
        #expect(layout["layer1.0.conv1.weight"]?.shape == [64, 64, 3, 3])
        #expect(layout["layer2.0.downsample.0.weight"]?.shape == [128, 64, 1, 1])
        #expect(layout["layer2.0.downsample.1.bias"]?.shape == [128])
        #expect(layout["fc.weight"]?.shape == [10, 512])
        let large = try modelCatalog.entry("resnet50").graph(inputShape: [3, 224, 224], classes: 1000).parameterLayout
        #expect(large["conv1.weight"]?.shape == [64, 3, 7, 7])
        #expect(large["layer1.0.downsample.0.weight"]?.shape == [256, 64, 1, 1])
        #expect(large["layer4.2.conv3.weight"]?.shape == [2048, 512, 1, 1])
        #expect(large["layer4.2.bn3.weight"]?.shape == [2048])
        let statistics = try modelCatalog.entry("resnet20").graph(inputShape: [1, 28, 28], classes: 10).statisticsLayout
        #expect(statistics["bn1.running_mean"]?.shape == [16])
        #expect(statistics["layer3.2.bn2.running_var"]?.shape == [64])
    }

    @Test func `names and shapes are timm's`() throws {
        let layout = try modelCatalog.entry("vit").graph(inputShape: [3, 32, 32], classes: 10).parameterLayout
        let expected: [(String, [Int])] = [
            ("cls_token", [1, 1, 192]), ("pos_embed", [1, 65, 192]), ("patch_embed.proj.weight", [192, 3, 4, 4]),
            ("blocks.0.norm1.weight", [192]), ("blocks.0.attn.qkv.weight", [576, 192]),
            ("blocks.11.mlp.fc1.weight", [768, 192]), ("blocks.11.mlp.fc2.bias", [192]), ("norm.bias", [192]),
            ("head.weight", [10, 192]),
        ]
        for (name, shape) in expected { #expect(layout[name]?.shape == shape, "\(name)") }
    }

    @Test(arguments: ["resnet8", "resnet20", "resnet18", "vit"], [1, 3])
    func `every model reads images of 1 or 3 channels, 28 or 32 pixels wide`(name: String, channels: Int) throws {
        for side in [28, 32] {
            let graph = try modelCatalog.entry(name).graph(inputShape: [channels, side, side], classes: 7)
            #expect(graph.classCount == 7)
        }
    }

    @Test func `multiply-adds of ResNet-18 and ResNet-20 are the published ones`() throws {
        let large = try modelCatalog.entry("resnet18").graph(inputShape: [3, 32, 32], classes: 10)
        #expect(large.multiplyAdds == 555_422_720)
        // torchvision's table has 4.089 G.
        let imagenet = try modelCatalog.entry("resnet50").graph(inputShape: [3, 224, 224], classes: 1000)
        #expect(imagenet.multiplyAdds == 4_089_184_256)
        let small = try modelCatalog.entry("resnet20").graph(inputShape: [3, 32, 32], classes: 10)
        #expect(small.multiplyAdds == 40_551_040)
    }

    @Test func `a vision transformer's last block computes the class token alone`() throws {
        let (tokens, width, patches) = (197, 384, 196)
        let attention = tokens * 3 * width * width + 2 * tokens * tokens * width
        let block = attention + tokens * width * width + 2 * tokens * width * 4 * width
        let last = (1 + 2 * tokens) * width * width + 2 * tokens * width + width * width + 2 * width * 4 * width
        let graph = try modelCatalog.entry("vit-s16").graph(inputShape: [3, 224, 224], classes: 1000)
        #expect(graph.multiplyAdds == patches * 768 * width + 11 * block + last + width * 1000)
        #expect(graph.multiplyAdds == 4_280_214_528)
        // The pixels' gradient is not computed.
        #expect(graph.gradientOperations == 6 * graph.multiplyAdds - 2 * patches * 768 * width)
    }

    @Test func `unknown names and unsuitable images are reported with the remedy`() {
        #expect(throws: UnknownName(kind: "model", name: "resnet19", known: modelCatalog.names)) {
            try modelCatalog.entry("resnet19")
        }
        #expect("\(UnknownName(kind: "model", name: "x", known: modelCatalog.names))".contains("resnet20"))
        #expect(throws: ModelError.self) {
            try modelCatalog.entry("vit").graph(inputShape: [3, 30, 30], classes: 10)
        }
        #expect(throws: ModelError.self) {
            try modelCatalog.entry("resnet20").graph(inputShape: [3, 32, 28], classes: 10)
        }
    }

    @Test func `ResNet-20 and resnet_20 name the same model`() throws {
        #expect(try modelCatalog.entry("ResNet-20").name == "resnet20")
        #expect(try modelCatalog.entry("resnet_20").name == "resnet20")
    }
}
