// swift-tools-version: 6.2
import PackageDescription

// The same sources as the root package's, built a second time with libFuzzer's coverage: `Sources` is a link to them. A
// front end is a library here, without its main.swift, so that one executable can hold its parsers too.

let strict: [SwiftSetting] = [.strictMemorySafety(), .enableUpcomingFeature("ExistentialAny")]

let package = Package(
    name: "Fuzz",
    platforms: [.macOS(.v15)],
    targets: [
        .target(name: "CUnix", path: "Sources/CUnix"),
        .target(name: "Unix", dependencies: ["CUnix", "Text"], path: "Sources/Unix", swiftSettings: strict),
        .target(name: "Text", path: "Sources/Text", swiftSettings: strict),
        .target(name: "Supervision", path: "Sources/Supervision", swiftSettings: strict),
        .target(
            name: "DaemonCore", dependencies: ["Text", "Unix"], path: "Sources/DaemonCore", swiftSettings: strict),
        .target(
            name: "MasterRuntime", dependencies: ["DaemonCore", "Supervision", "Text", "Unix"],
            path: "Sources/MasterRuntime", swiftSettings: strict),
        .target(
            name: "DeploymentFiles", dependencies: ["DaemonCore", "Text", "Unix"], path: "Sources/DeploymentFiles",
            swiftSettings: strict),
        .target(
            name: "DaemonKit",
            dependencies: ["DaemonCore", "DeploymentFiles", "MasterRuntime", "Supervision", "Text", "Unix"],
            path: "Sources/DaemonKit", exclude: ["DaemonKit.docc"], swiftSettings: strict),
        .target(
            name: "masterd",
            dependencies: ["DaemonKit", "DeploymentFiles", "MasterRuntime", "Supervision", "Text", "Unix"],
            path: "Sources/Daemons/masterd", exclude: ["main.swift"], swiftSettings: strict),
        .target(
            name: "start_server",
            dependencies: ["DaemonKit", "DeploymentFiles", "MasterRuntime", "Supervision", "Text", "Unix"],
            path: "Sources/Daemons/start_server", exclude: ["main.swift"], swiftSettings: strict),
        .target(
            name: "daemonctl", dependencies: ["DaemonKit", "DeploymentFiles", "MasterRuntime", "Text", "Unix"],
            path: "Sources/Daemons/daemonctl", exclude: ["main.swift"], swiftSettings: strict),
        .executableTarget(
            name: "fuzz",
            dependencies: [
                "DaemonKit", "MasterRuntime", "Supervision", "Text", "Unix", "masterd", "start_server", "daemonctl",
            ],
            path: "Harness", swiftSettings: [.unsafeFlags(["-parse-as-library"])],
            linkerSettings: [.unsafeFlags(["-sanitize=fuzzer", "-use-ld=lld"])]),
    ],
    swiftLanguageModes: [.v6]
)
