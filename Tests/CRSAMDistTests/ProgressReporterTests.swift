import CRSAMDist
import Files
import Testing
import Training

/// Keeps what a reporter writes, at a time and a width that the test sets.
private final class Screen {
    var text = ""
    var width = 200
    var instant = ContinuousClock.now

    func reporter(isTerminal: Bool, totalSteps: Int = 1000, firstStep: Int = 0) -> ProgressReporter {
        let reporter = ProgressReporter(
            output: .init(isTerminal: isTerminal, width: { self.width }, write: { self.text += $0 }),
            now: { self.instant })
        reporter.begin(firstStep: firstStep, totalSteps: totalSteps, totalEpochs: 5)
        return reporter
    }

    /// What was written since the last call.
    func take() -> String {
        defer { text = "" }
        return text
    }
}

private func metrics(step: Int, curvature: Double? = 1.5) -> StepMetrics {
    var values = [
        "loss": 0.51234, "accuracy": 0.8125, "learning_rate": 0.1, "gradient_norm": 0.75,
        "combined_gradient_norm": 0.8, "samples_per_second": 1234.5, "step_seconds": 0.1,
    ]
    values["curvature"] = curvature
    return StepMetrics(step: step, epoch: 2, values)
}

@Suite struct ProgressReporterTests {
    @Test func `a log gets a line every ten seconds`() {
        let screen = Screen()
        let reporter = screen.reporter(isTerminal: false)
        screen.instant += .seconds(2)
        reporter.stepEnds(metrics(step: 1))
        #expect(
            screen.take()
                == "step 1/1000  33 min 18 s left, epoch 2/5, loss 0.5123, acc 81.25 %, 1235 samples/s, "
                + "‖g0‖ 0.750, curvature 1.500\n")
        screen.instant += .seconds(9)
        reporter.stepEnds(metrics(step: 2))
        #expect(screen.take().isEmpty)
        screen.instant += .seconds(1)
        reporter.stepEnds(metrics(step: 3, curvature: nil))
        #expect(screen.take().hasSuffix("‖g0‖ 0.750\n"))
    }

    @Test func `the time left is judged by the steps of this process`() {
        let screen = Screen()
        let reporter = screen.reporter(isTerminal: false, firstStep: 900)
        screen.instant += .seconds(10)
        reporter.stepEnds(metrics(step: 910))
        #expect(screen.take().hasPrefix("step 910/1000  1 min 30 s left, "))
        screen.instant += .seconds(90)
        reporter.stepEnds(metrics(step: 1000))
        #expect(screen.take().hasPrefix("step 1000/1000  done, "))
    }

    @Test func `the bar fits every terminal`() {
        for width in [1, 2, 5, 10, 12, 21, 40, 60, 80, 81, 120, 500] {
            let screen = Screen()
            screen.width = width
            let reporter = screen.reporter(isTerminal: true)
            screen.instant += .seconds(1)
            reporter.stepEnds(metrics(step: 500))
            let line = screen.take()
            #expect(line.hasPrefix("\r") && !line.contains("\n"))
            #expect(line.count - 1 <= max(width - 1, 1), "\(line.count) in \(width)")
            #expect(line.contains("50 %") == (width > 4))
            #expect(line.contains("████████░░░░░░░░") == (width > 60))
        }
    }

    @Test func `a line that stays clears the bar first`() {
        let screen = Screen()
        let reporter = screen.reporter(isTerminal: true)
        screen.instant += .seconds(1)
        reporter.stepEnds(metrics(step: 1))
        let barLength = screen.take().count - 1
        reporter.say("hello")
        #expect(screen.take() == "\r" + String(repeating: " ", count: barLength) + "\rhello\n")
        reporter.say("again")
        #expect(screen.take() == "again\n")
    }

    @Test func `a shorter bar leaves nothing of the longer`() {
        let screen = Screen()
        let reporter = screen.reporter(isTerminal: true)
        screen.instant += .seconds(1)
        reporter.stepEnds(metrics(step: 1))
        let longer = screen.take().count
        screen.instant += .seconds(1)
        reporter.stepEnds(metrics(step: 1, curvature: nil))
        #expect(screen.take().count == longer)
    }

    @Test func `a terminal that became narrower gets no bar of the old width`() {
        let screen = Screen()
        let reporter = screen.reporter(isTerminal: true)
        screen.instant += .seconds(1)
        reporter.stepEnds(metrics(step: 1))
        _ = screen.take()
        screen.width = 30
        screen.instant += .seconds(1)
        reporter.stepEnds(metrics(step: 2))
        #expect(screen.take().count == 30)
        reporter.say("hello")
        #expect(screen.take().count <= 30 + "\rhello\n".count)
    }

    @Test func `an epoch has a line`() {
        let screen = Screen()
        let reporter = screen.reporter(isTerminal: false)
        var epoch = EpochMetrics(
            epoch: 2, trainLoss: 0.5, trainAccuracy: 0.8, testLoss: 0.25, testAccuracy: 0.9012, learningRate: 0.1,
            seconds: 61)
        reporter.epochEnds(epoch)
        #expect(
            screen.take()
                == "epoch 2/5  train loss 0.5000, accuracy 80.00 %  test loss 0.2500, accuracy 90.12 %  1 min 1 s\n")
        epoch.further = [FurtherEvaluation("ema", loss: 0.24, accuracy: 0.91)]
        reporter.epochEnds(epoch)
        #expect(screen.take().hasSuffix("accuracy 90.12 %, ema 91.00 %  1 min 1 s\n"))
        (epoch.testLoss, epoch.testAccuracy, epoch.further) = (nil, nil, [])
        reporter.epochEnds(epoch)
        #expect(screen.take() == "epoch 2/5  train loss 0.5000, accuracy 80.00 %  1 min 1 s\n")
    }

    @Test(arguments: [
        (0.2, "0 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (3599, "59 min 59 s"), (3600, "1 h 0 min"),
        (100_000, "1 d 3 h"), (.nan, "unknown"), (.infinity, "unknown"), (-1, "unknown"), (1e300, "unknown"),
    ])
    func `durations are words for people`(seconds: Double, text: String) {
        #expect(NumberText.duration(seconds) == text)
    }

    @Test func `numbers keep their digits`() {
        #expect(NumberText.fixed(0.05, 4) == "0.0500")
        #expect(NumberText.fixed(-0.00001, 4) == "0.0000")
        #expect(NumberText.fixed(-1.99999, 2) == "-2.00")
        #expect(NumberText.fixed(.infinity, 2) == "inf")
        #expect(NumberText.fixed(1e300, 2) == "1e+300")
        #expect(NumberText.short(0) == "0")
        #expect(NumberText.short(0.001) == "0.001")
        #expect(NumberText.short(12.34) == "12.3")
        #expect(NumberText.short(-12345.6) == "-12346")
        #expect(NumberText.short(.nan) == "nan")
    }
}
