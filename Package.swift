// swift-tools-version: 6.2
import Foundation
import PackageDescription

/// What C and Swift are given to find a library in a folder of its own, such as conda's, a module's or one that pip
/// filled: that of a variable such as ONEDNN_ROOT, an absolute path (`launch/prepare`).
func settings(root variable: String, library: String) -> (headers: [String], linker: [LinkerSetting]) {
    guard let root = Context.environment[variable], root.hasPrefix("/") else { return ([], []) }
    let file = "lib\(library).so"
    let folder = "\(root)/" + (FileManager.default.fileExists(atPath: "\(root)/lib64/\(file)") ? "lib64" : "lib")
    // By its path, as the folders that pkg-config gives for other libraries, the system's, are searched first.
    let flags = ["\(folder)/\(file)", "-rpath", folder].flatMap { ["-Xlinker", $0] }
    // The macro keeps modules of other headers, which the compiler caches without regard to -I, out of this build.
    return (["-I\(root)/include", "-D\(variable)=\(root)"], [.unsafeFlags(flags)])
}

let oneDNN = settings(root: "ONEDNN_ROOT", library: "dnnl")
let openBLAS = settings(root: "OPENBLAS_ROOT", library: "openblas")

/// Every target is held to the same settings: Swift 6 language mode (the tools version's default) and no warnings.
let strict: [SwiftSetting] =
    [.treatAllWarnings(as: .error)] + (oneDNN.headers + openBLAS.headers).map { .unsafeFlags(["-Xcc", $0]) }

let package = Package(
    name: "crsam-dist",
    products: [.executable(name: "crsam-dist", targets: ["CRSAMDist"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
    ],
    targets: [
        // The installed C libraries.
        .systemLibrary(
            name: "COpenMPI", pkgConfig: "ompi-c", providers: [.apt(["libopenmpi-dev", "openmpi-bin"])]),
        .systemLibrary(name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CJPEG", pkgConfig: "libjpeg", providers: [.apt(["libjpeg-dev"])]),
        .systemLibrary(name: "CPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"])]),
        .target(
            name: "COneDNN", cSettings: oneDNN.headers.map { .unsafeFlags([$0]) },
            linkerSettings: (oneDNN.linker.isEmpty ? [.linkedLibrary("dnnl")] : oneDNN.linker)
                + [.linkedLibrary("gomp")]),

        // Our C, kept small: what a macro or run-time dispatch on the instruction set forces.
        .target(name: "CMPI", dependencies: ["COpenMPI"]),
        .target(name: "CStart"),
        .target(
            name: "CImages", dependencies: ["CJPEG", "CPNG"],
            cSettings: [.unsafeFlags(["-O2"])]),
        .target(
            name: "CKernels",
            cSettings: [.unsafeFlags(["-O3", "-ffp-contract=off", "-fno-math-errno"])]),

        // Ours, from the bottom up. SwiftPM's check of imports (launch/test) and, for C, `Tests/Checks/imports` hold
        // every file to this table.
        .target(name: "Files", dependencies: ["CZlib"], swiftSettings: strict),
        .target(name: "Catalogs", swiftSettings: strict),
        .target(name: "Collectives", dependencies: ["CMPI"], swiftSettings: strict),
        .target(
            name: "Vectors", dependencies: ["COpenBLAS", "CKernels"], swiftSettings: strict,
            linkerSettings: openBLAS.linker),
        .target(name: "TensorFiles", dependencies: ["Files", "Vectors"], swiftSettings: strict),
        .target(name: "Objectives", dependencies: ["Vectors"], swiftSettings: strict),
        .target(name: "Probes", dependencies: ["Objectives", "Vectors"], swiftSettings: strict),
        .target(
            name: "Compute", dependencies: ["Catalogs", "Objectives", "Vectors", "CKernels", "COneDNN"],
            swiftSettings: strict),
        .target(name: "Models", dependencies: ["Catalogs", "Compute", "Vectors"], swiftSettings: strict),
        .target(
            name: "Datasets", dependencies: ["Catalogs", "Files", "Vectors", "CImages", "CKernels"],
            swiftSettings: strict),
        .target(name: "Optimizers", dependencies: ["Catalogs", "Objectives", "Vectors"], swiftSettings: strict),
        .target(
            name: "Training",
            dependencies: [
                "Catalogs", "Files", "TensorFiles", "Collectives", "Vectors", "Objectives", "Compute", "Models",
                "Datasets",
                "Optimizers", .product(name: "Logging", package: "swift-log"), "Yams",
            ],
            swiftSettings: strict),
        .target(
            name: "Measurements",
            dependencies: [
                "Files", "Collectives", "Vectors", "Objectives", "Compute", "Datasets", "Optimizers", "Training",
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "CRSAMDist",
            dependencies: [
                "CStart", "Files", "Collectives", "Vectors", "Compute", "Models", "Datasets", "Training",
                "Measurements", .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),

        .testTarget(name: "CollectivesTests", dependencies: ["Collectives"], swiftSettings: strict),
        .testTarget(name: "FilesTests", dependencies: ["Files"], swiftSettings: strict),
        .testTarget(name: "VectorsTests", dependencies: ["Vectors"], swiftSettings: strict),
        .testTarget(
            name: "TensorFilesTests", dependencies: ["Files", "TensorFiles", "Vectors", "TestSupport"],
            swiftSettings: strict),
        .testTarget(name: "ObjectivesTests", dependencies: ["Objectives", "Vectors"], swiftSettings: strict),
        .testTarget(name: "ProbesTests", dependencies: ["Probes", "Objectives", "Vectors"], swiftSettings: strict),
        .testTarget(
            name: "ComputeTests", dependencies: ["Compute", "Objectives", "Vectors", "CKernels"],
            exclude: ["mixed_losses.py"], swiftSettings: strict),
        .testTarget(
            name: "ModelsTests", dependencies: ["Catalogs", "Models", "Compute", "Vectors"], swiftSettings: strict),
        .testTarget(
            name: "DatasetsTests", dependencies: ["Files", "Datasets", "PolicyCases", "Vectors", "CZlib"],
            exclude: ["Goldens"],
            swiftSettings: strict),
        .testTarget(
            name: "OptimizersTests", dependencies: ["Catalogs", "Optimizers", "Objectives", "Vectors"],
            exclude: ["Goldens/generate.py"], swiftSettings: strict),
        .testTarget(
            name: "TrainingTests",
            dependencies: [
                "Files", "TensorFiles", "Training", "Models", "Compute", "Datasets", "Objectives", "Optimizers",
                "Vectors", "TestSupport",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "MeasurementsTests", dependencies: ["Measurements", "Compute", "TestSupport"], swiftSettings: strict),
        .testTarget(
            name: "CRSAMDistTests", dependencies: ["CRSAMDist", "Training", "Compute"], exclude: ["Snapshots"],
            swiftSettings: strict),
        .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: strict),

        .target(
            name: "PolicyCases", dependencies: ["Datasets"], path: "Tests/PolicyCases", swiftSettings: strict),

        .target(name: "CTestSupport", path: "Tests/CTestSupport"),

        // Started by mpirun on several ranks; asserts closed forms and ends non-zero where one fails.
        .target(name: "RankCases", dependencies: ["Collectives"], path: "Tests/RankCases", swiftSettings: strict),
        .executableTarget(
            name: "collectives-ranks", dependencies: ["RankCases", "Collectives", "CTestSupport"],
            path: "Tests/CollectivesRanks", swiftSettings: strict),
        .executableTarget(
            name: "training-ranks",
            dependencies: [
                "RankCases", "Training", "Measurements", "Probes", "Collectives", "Compute", "Models", "Datasets",
                "Objectives", "Vectors", "CTestSupport", "TestSupport",
            ],
            path: "Tests/TrainingRanks", swiftSettings: strict),
        // Writes decoded and transformed pixels, which reference.py compares (Tests/Checks/pixels).
        .executableTarget(
            name: "image-transforms", dependencies: ["Catalogs", "Files", "Datasets", "PolicyCases", "Vectors"],
            path: "Tests/PixelReference", exclude: ["pictures.py", "reference.py"], swiftSettings: strict),
        // One of each kind that docs/extending.md describes, added from outside.
        .executableTarget(
            name: "extension-ranks",
            dependencies: [
                "RankCases", "TestSupport", "Catalogs", "Collectives", "Vectors", "Objectives", "Compute", "Models",
                "Datasets", "Optimizers", "Training",
            ],
            path: "Tests/ExtensionRanks", swiftSettings: strict),
    ]
)
