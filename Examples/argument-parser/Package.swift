// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "argument-parser",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(name: "DaemonKit", path: "../.."),
        .package(name: "DaemonKitIntegrations", path: "../../Integrations", traits: ["Arguments"]),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
    ],
    targets: [
        .executableTarget(
            name: "quote", dependencies: [.product(name: "ArgumentParser", package: "swift-argument-parser")],
            path: "Sources/before"),
        .executableTarget(
            name: "quoted",
            dependencies: [
                .product(name: "DaemonKit", package: "DaemonKit"),
                .product(name: "DaemonKitArguments", package: "DaemonKitIntegrations"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Sources/after"),
    ]
)
