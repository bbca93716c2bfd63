// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "configuration",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(name: "DaemonKit", path: "../.."),
        .package(
            name: "DaemonKitIntegrations", path: "../../Integrations", traits: ["Configuration", "Hummingbird"]),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.0.2"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0"),
    ],
    targets: [
        .executableTarget(
            name: "greetd",
            dependencies: [
                .product(name: "DaemonKit", package: "DaemonKit"),
                .product(name: "DaemonKitConfiguration", package: "DaemonKitIntegrations"),
                .product(name: "DaemonKitHummingbird", package: "DaemonKitIntegrations"),
                .product(name: "DaemonKitLogging", package: "DaemonKitIntegrations"),
                .product(name: "Configuration", package: "swift-configuration"),
                .product(name: "Hummingbird", package: "hummingbird"),
            ])
    ]
)
