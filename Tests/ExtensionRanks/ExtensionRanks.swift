import Catalogs
import Compute
import Datasets
import Models
import Optimizers
import RankCases
import Training

/// One thing of each kind that is added from outside of the library, each in a file beside this one and a row here.
@main
enum ExtensionRanks {
    static func main() {
        modelCatalog.add(.onePatch)
        datasetCatalog.add(.stripes)
        transformCatalog.add(.negative)
        methodCatalog.add(.amplified)
        optimizerCatalog.add(.signum)
        scheduleCatalog.add(.inverseRoot)
        lossCatalog.add(.squaredError)
        stepMetricCatalog.add(.wrongSamples)
        stepMetricCatalog.add(.largestGradient)
        settingCatalog.add(.movementEvery)
        RankProgram(cases: [trainingCase], failingCases: []).run()
    }
}
