import Catalogs
import Models
import Testing
import Vectors

private func scales(_ model: String, _ decay: Double) throws -> [String: Double] {
    let entry = try modelCatalog.entry(model)
    let layout = try entry.graph(inputShape: entry.defaultInputShape, classes: 10).parameterLayout
    let scales = try #require(entry.layerOrder).rateScales(layout, decay: decay)
    #expect(scales.count == layout.entries.count)
    return Dictionary(uniqueKeysWithValues: zip(layout.entries.map(\.name), scales))
}

@Suite struct LayerOrderTests {
    // Worked out from timm's source (1.0, param_groups_layer_decay with the models' group_matcher): of ViT-S/16 14
    // layers, of ResNet-50 18, of ResNet-18 10; a ViT's last LayerNorm is in the last block's layer.
    @Test(arguments: [
        ("vit-s16", "cls_token", 0.023757264018058777), ("vit-s16", "pos_embed", 0.023757264018058777),
        ("vit-s16", "patch_embed.proj.bias", 0.023757264018058777),
        ("vit-s16", "blocks.0.norm1.weight", 0.03167635202407837), ("vit-s16", "blocks.10.mlp.fc2.weight", 0.5625),
        ("vit-s16", "blocks.11.attn.qkv.weight", 0.75), ("vit-s16", "norm.weight", 0.75),
        ("vit-s16", "head.weight", 1), ("vit-s16", "head.bias", 1), ("vit-s16-bigvision", "pre_logits.weight", 1),
        ("resnet50", "conv1.weight", 0.00751694681821391), ("resnet50", "bn1.bias", 0.00751694681821391),
        ("resnet50", "layer1.0.conv1.weight", 0.010022595757618546),
        ("resnet50", "layer1.0.downsample.0.weight", 0.010022595757618546),
        ("resnet50", "layer2.0.bn1.weight", 0.0237572640180587), ("resnet50", "layer4.2.bn3.weight", 0.75),
        ("resnet50", "fc.weight", 1), ("resnet18", "layer1.0.conv1.weight", 0.1001129150390625),
        ("wrn16-4", "conv1.weight", 0.13348388671875), ("wrn16-4", "block1.layer.0.bn1.weight", 0.177978515625),
        ("wrn16-4", "bn1.weight", 0.75), ("wrn16-4", "fc.bias", 1),
    ])
    func `scales of the rate are timm's`(model: String, parameter: String, expected: Double) throws {
        let scale = try scales(model, 0.75)[parameter]
        #expect(abs(try #require(scale) / expected - 1) < 1e-12, "\(parameter)")
    }

    @Test(arguments: modelCatalog.names)
    func `scales rise from the stem to the head, block by block`(name: String) throws {
        let entry = try modelCatalog.entry(name)
        let layout = try entry.graph(inputShape: entry.defaultInputShape, classes: 10).parameterLayout
        let layers = try #require(entry.layerOrder).layers(layout)
        #expect(layers.first == 0 && layers.last == layers.max())
        #expect(Set(layers) == Set(0...(layers.max() ?? 0)) && layers == layers.sorted(), "\(layers)")
        #expect(Set(try scales(name, 1).values) == [1])
        #expect(Set(try scales(name, 0).values) == [0, 1])
    }
}
