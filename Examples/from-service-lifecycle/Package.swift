// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "from-service-lifecycle",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(name: "DaemonKit", path: "../.."),
        .package(name: "DaemonKitIntegrations", path: "../../Integrations", traits: ["Lifecycle"]),
        .package(url: "https://github.com/apple/swift-log", from: "1.14.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.8.0"),
    ],
    targets: [
        .executableTarget(
            name: "before",
            dependencies: [
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]),
        .executableTarget(
            name: "after",
            dependencies: [
                .product(name: "DaemonKit", package: "DaemonKit"),
                .product(name: "DaemonKitLogging", package: "DaemonKitIntegrations"),
                .product(name: "DaemonKitLifecycle", package: "DaemonKitIntegrations"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ]),
    ]
)
