import Collectives
import Datasets
import Files
import Training

/// What `bench data` measures: how fast a rank's loader delivers training batches when nothing waits for it.
package struct DataBenchmarkResult: Sendable {
    package var dataset: String
    package var ranks: Int
    package var threadsPerRank: Int
    package var batchSize: Int
    package var samples: Int
    /// Over all ranks: samples read, decoded, transformed and normalized.
    package var samplesPerSecond: Double
    /// The same samples read and decoded alone, by the same threads; nil of data in memory.
    package var decodedPerSecond: Double?
    /// From the start of the process to the first batch, on the slowest rank.
    package var secondsToFirstBatch: Double

    package var text: String {
        var lines = [
            "\(dataset): \(ranks) rank\(ranks == 1 ? "" : "s") x \(threadsPerRank) data thread"
                + "\(threadsPerRank == 1 ? "" : "s"), batch \(batchSize), \(samples) samples",
            "  samples/s              \(NumberText.fixed(samplesPerSecond, 1))",
        ]
        if let decodedPerSecond {
            lines.append("  reading and decoding   \(NumberText.fixed(decodedPerSecond, 1)) samples/s alone")
            lines.append("  time to that           \(NumberText.fixed(decodedPerSecond / samplesPerSecond, 2))")
        }
        lines.append("  start to first batch   \(NumberText.fixed(secondsToFirstBatch, 2)) s")
        return lines.joined(separator: "\n")
    }

    package var json: String {
        var text = "{\"dataset\":"
        text.appendJSON(dataset)
        text += ",\"ranks\":\(ranks),\"threads_per_rank\":\(threadsPerRank),\"batch_size\":\(batchSize)"
        text += ",\"samples\":\(samples)"
        for (name, value) in [
            ("samples_per_second", samplesPerSecond), ("decoded_per_second", decodedPerSecond),
            ("seconds_to_first_batch", secondsToFirstBatch),
        ] {
            text += ",\"\(name)\":"
            if let value { text.appendJSON(value) } else { text += "null" }
        }
        return text + ",\"machine\":\(MachineDescription().json)}\n"
    }
}

package struct DataBenchmark {
    private let steps: Int

    package init(steps: Int) { self.steps = steps }

    /// Every rank must call it; the result is the same on all.
    package func run(_ configuration: RunConfiguration, world: Communicator) throws -> DataBenchmarkResult {
        let resources = try RunResources(configuration, world, purpose: .benchmark)
        let total = min(steps, resources.totalSteps)
        func loader(_ source: any SampleSource) throws -> BatchLoader {
            try BatchLoader(
                source: source, sampler: resources.sampler, partition: resources.partition, rank: world.rank,
                steps: 0..<total, mixing: configuration.mixing, threads: configuration.dataThreads)
        }
        let whole = try resources.train.samples(resources.augmentation, seed: configuration.seed)
        var first = 0.0
        // Once for the file cache and the threads' memory.
        let warming = try loader(whole)
        if try warming.next() != nil { first = StepBenchmark.secondsSinceProcessStart() }
        while try warming.next() != nil {}
        let (samples, seconds) = try Self.time(loader(whole), world)
        var decoded: Double?
        if let images = resources.train as? EncodedImages {
            decoded = try Double(samples) / Self.time(loader(images.decodedOnly), world).seconds
        }
        return DataBenchmarkResult(
            dataset: resources.train.name, ranks: world.size, threadsPerRank: configuration.dataThreads,
            batchSize: configuration.batchSize, samples: samples, samplesPerSecond: Double(samples) / seconds,
            decodedPerSecond: decoded, secondsToFirstBatch: try world.allReduce(first, .max))
    }

    /// Samples over all ranks, and the slowest rank's time.
    private static func time(_ loader: BatchLoader, _ world: Communicator) throws -> (samples: Int, seconds: Double) {
        try world.barrier()
        var samples = 0
        let elapsed = try ContinuousClock().measure {
            while let batch = try loader.next() { samples += batch.count }
        }
        return (Int(try world.allReduce(Double(samples), .sum)), try world.allReduce(elapsed.seconds, .max))
    }
}
