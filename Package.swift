// swift-tools-version: 6.2
import PackageDescription

// "packages: none": a plain build fetches nothing. libc and the kernel are the dependencies.

let strict: [SwiftSetting] = [.strictMemorySafety(), .enableUpcomingFeature("ExistentialAny")]

let package = Package(
    name: "DaemonKit",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "DaemonKit", targets: ["DaemonKit"]),
        .library(name: "DaemonTestKit", targets: ["DaemonTestKit"]),
        .executable(name: "echod", targets: ["echod"]),
        .executable(name: "start_server", targets: ["start_server"]),
        .executable(name: "masterd", targets: ["masterd"]),
        .executable(name: "daemonctl", targets: ["daemonctl"]),
    ],
    targets: [
        .target(name: "CUnix"),
        .target(name: "Unix", dependencies: ["CUnix", "Text"], swiftSettings: strict),
        .target(name: "Text", swiftSettings: strict),
        .target(name: "Supervision", swiftSettings: strict),
        .target(name: "DaemonCore", dependencies: ["Text", "Unix"], swiftSettings: strict),
        .target(
            name: "MasterRuntime", dependencies: ["DaemonCore", "Supervision", "Text", "Unix"], swiftSettings: strict),
        .target(name: "DeploymentFiles", dependencies: ["DaemonCore", "Text", "Unix"], swiftSettings: strict),
        .target(
            name: "DaemonKit",
            dependencies: ["DaemonCore", "DeploymentFiles", "MasterRuntime", "Supervision", "Text", "Unix"],
            swiftSettings: strict),
        .target(name: "DaemonTestKit", dependencies: ["DaemonKit", "Text", "Unix"], swiftSettings: strict),

        .executableTarget(
            name: "echod", dependencies: ["DaemonKit"], path: "Sources/Daemons/echod", swiftSettings: strict),
        .executableTarget(
            name: "start_server",
            dependencies: ["DaemonKit", "DeploymentFiles", "MasterRuntime", "Supervision", "Text", "Unix"],
            path: "Sources/Daemons/start_server", swiftSettings: strict),

        .executableTarget(
            name: "masterd",
            dependencies: ["DaemonKit", "DeploymentFiles", "MasterRuntime", "Supervision", "Text", "Unix"],
            path: "Sources/Daemons/masterd",
            swiftSettings: strict),

        .executableTarget(
            name: "daemonctl", dependencies: ["DaemonKit", "DeploymentFiles", "MasterRuntime", "Text", "Unix"],
            path: "Sources/Daemons/daemonctl",
            swiftSettings: strict),

        // What the tests and the benchmarks run: a daemon that misbehaves on request, the README's, a log writer.
        .executableTarget(name: "faultd", dependencies: ["DaemonKit", "Unix"], path: "Tests/Fixtures/faultd"),
        .executableTarget(name: "tickd", dependencies: ["DaemonKit"], path: "Tests/Fixtures/tickd"),
        .executableTarget(name: "logbench", dependencies: ["DaemonKit", "Unix"], path: "Benchmarks/logbench"),

        .target(name: "TestSupport", dependencies: ["DaemonCore", "Unix"], path: "Tests/TestSupport"),
        .target(name: "Simulation", dependencies: ["Supervision"], path: "Tests/Simulation"),
        .testTarget(
            name: "SupervisionTests", dependencies: ["Supervision", "Simulation", "Text", "TestSupport"]),
        .testTarget(name: "UnixTests", dependencies: ["CUnix", "Text", "Unix", "TestSupport"]),
        .testTarget(name: "TextTests", dependencies: ["Text", "TestSupport"]),
        .testTarget(name: "StartServerTests", dependencies: ["start_server", "Text", "Unix", "TestSupport"]),
        .testTarget(name: "MasterdTests", dependencies: ["masterd", "Text", "Unix", "TestSupport"]),
        .testTarget(name: "DaemonctlTests", dependencies: ["daemonctl", "Text", "Unix", "TestSupport"]),
        // What a log leaves to the next image, its master writes down.
        .testTarget(
            name: "DaemonCoreTests",
            dependencies: ["DaemonCore", "MasterRuntime", "Supervision", "Text", "Unix", "TestSupport"]),
        .testTarget(
            name: "MasterRuntimeTests",
            dependencies: ["DaemonCore", "MasterRuntime", "Supervision", "Text", "Unix", "TestSupport"]),
        .testTarget(name: "DeploymentFilesTests", dependencies: ["DaemonCore", "DeploymentFiles", "TestSupport"]),
        .testTarget(
            name: "DaemonKitTests", dependencies: ["DaemonKit", "MasterRuntime", "Text", "Unix", "TestSupport"]),
        .testTarget(
            name: "DaemonsTests",
            dependencies: [
                "DaemonKit", "DaemonTestKit", "MasterRuntime", "Supervision", "Text", "Unix", "TestSupport",
                "daemonctl",
                "echod", "faultd", "masterd", "start_server", "tickd",
            ]),
    ],
    swiftLanguageModes: [.v6]
)
