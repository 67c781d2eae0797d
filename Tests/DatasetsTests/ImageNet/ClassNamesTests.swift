import Datasets
import Testing

@Suite struct ClassNamesTests {
    private let folder: TemporaryFolder
    private let sorted = ["n01440764", "n02123045", "n15075141"]

    init() throws { folder = try TemporaryFolder() }

    @Test(arguments: [
        "n15075141\nn01440764\n\nn02123045\n",
        "\u{FEFF}n01440764 tench, Tinca tinca\r\nn02123045 tabby, tabby cat\r\nn15075141 toilet tissue\r\n",
        "n02123045,tabby\nn15075141\ttoilet tissue\nn01440764",
    ])
    func `of lists the first word of each line counts, in order of the names`(text: String) throws {
        try folder.write("classes.txt", Array(text.utf8))
        #expect(try ClassNames.read("\(folder.path)/classes.txt") == sorted)
    }

    @Test func `folders and an index name them too`() throws {
        var index = SampleIndex(classes: sorted, isSharded: false)
        let place = try index.addPlace("train")
        try index.append(place: place, name: "a.jpg", label: 0, byteCount: 1)
        try IndexFile.write(index, to: "\(folder.path)/train.index")
        #expect(try ClassNames.read("\(folder.path)/train.index") == sorted)
        for name in sorted + [".hidden"] { try folder.write("d/train/\(name)/a.jpg", [1]) }
        #expect(try ClassNames.read("\(folder.path)/d") == sorted)
        #expect(try ClassNames.read("\(folder.path)/d/train") == sorted)
    }

    @Test func `a name twice, no name and no file are refused in one line`() throws {
        for (text, part) in [("great shark\ngreat owl\n", ":2: 'great' is in line 1"), ("\n", "names 0")] {
            try folder.write("classes.txt", Array(text.utf8))
            #expect { try ClassNames.read("\(folder.path)/classes.txt") } throws: { "\($0)".contains(part) }
        }
        #expect(throws: DatasetError.self) { try ClassNames.read("\(folder.path)/none.txt") }
    }

    @Test func `labels follow the names, and an unknown one is refused`() throws {
        var index = SampleIndex(classes: ["n15075141", "n01440764"], isSharded: false)
        let place = try index.addPlace("")
        for label in [0, 1, 1] { try index.append(place: place, name: "a.jpg", label: label, byteCount: 1) }
        let result = try index.relabelled(as: sorted, in: "r")
        #expect((0..<3).map { result.label(of: $0) } == [2, 0, 0] && result.classes == sorted)
        #expect { try index.relabelled(as: ["n01440764"], in: "r") } throws: {
            "\($0)".contains("r: class n15075141 is not one of the 1 that the model was trained on")
        }
    }
}
