// swift-tools-version: 6.2
import PackageDescription

// By URL: .package(url: "<the integrations' repository>", from: "0.1.0", traits: ["Hummingbird"])
let package = Package(
    name: "hello",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(name: "DaemonKit", path: "../.."),
        .package(name: "DaemonKitIntegrations", path: "../../Integrations", traits: ["Hummingbird"]),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0"),
    ],
    targets: [
        .executableTarget(
            name: "hello",
            dependencies: [
                .product(name: "DaemonKit", package: "DaemonKit"),
                .product(name: "DaemonKitLogging", package: "DaemonKitIntegrations"),
                .product(name: "DaemonKitHummingbird", package: "DaemonKitIntegrations"),
                .product(name: "Hummingbird", package: "hummingbird"),
            ]),
        // The same server as its own documentation has it, stopped and started instead of reloaded.
        .executableTarget(name: "plain", dependencies: [.product(name: "Hummingbird", package: "hummingbird")]),
    ]
)
