import Files
import TestSupport
import Testing
import Training

@Suite struct CorruptionScoresTests {
    /// Accuracy 0.9, 0.8, 0.7, 0.6, 0.5 at severities 1 to 5 of every corruption, in reverse order of names.
    private func scores(without left: String? = nil) -> CorruptionScores {
        var scores = CorruptionScores()
        for name in CorruptionScores.alexNetErrors.keys.sorted(by: >) where name != left {
            for severity in 1...5 {
                scores.add(.init(corruption: name, severity: severity, accuracy: 1 - 0.1 * Double(severity)))
            }
        }
        return scores
    }

    @Test func `mCE is that of a case computed by hand, whatever the order of the folders`() throws {
        // Each error is 0.3 on average: 0.3 times the mean of the reciprocals of AlexNet's fifteen errors, 1.2934515.
        #expect(abs(try #require(scores().mCE) - 0.388035438) < 1e-8)
        #expect(abs(try #require(scores().corruptionError(of: "brightness")) - 0.3 / 0.564592) < 1e-12)
        #expect(abs(try #require(scores().meanAccuracy) - 0.7) < 1e-12)
    }

    @Test func `without a corruption or a severity there is no mCE`() {
        #expect(scores(without: "snow").mCE == nil && scores(without: "snow").meanAccuracy != nil)
        var lacking = CorruptionScores()
        lacking.add(.init(corruption: "fog", severity: 3, accuracy: 0.5))
        #expect(lacking.accuracy(of: "fog") == nil && lacking.meanAccuracy == nil)
        #expect(lacking.text.contains("needs all fifteen"))
    }

    @Test func `corruptions without a reference have accuracies alone`() {
        var scores = scores()
        for severity in 1...5 { scores.add(.init(corruption: "spatter", severity: severity, accuracy: 0)) }
        #expect(scores.corruptionError(of: "spatter") == nil && scores.accuracy(of: "spatter") == 0)
        #expect(scores.mCE == self.scores().mCE && scores.meanAccuracy == self.scores().meanAccuracy)
    }

    @Test func `folders are found straight and below groups`() throws {
        let folder = try TemporaryFolder()
        for path in ["fog/1", "fog/2", "noise/shot_noise/5", "noise/.cache", "other"] { try folder.makeFolder(path) }
        let found = try CorruptionScores.folders(in: folder.path)
        #expect(found.map { "\($0.corruption) \($0.severity)" } == ["fog 1", "fog 2", "shot_noise 5"])
    }
}
