// swift-tools-version: 6.2
import PackageDescription

// One trait for each library: who asks for `Logging` fetches swift-log and nothing else. DaemonKit itself, in the
// directory above, depends on nothing.

let strict: [SwiftSetting] = [.enableUpcomingFeature("ExistentialAny")]

func library(_ name: String) -> Product { .library(name: name, targets: [name]) }

/// A product of another package, which is fetched and built only where the trait is on.
func of(_ package: String, _ product: String, _ trait: String) -> Target.Dependency {
    .product(name: product, package: package, condition: .when(traits: [trait]))
}

let daemonKit = Target.Dependency.product(name: "DaemonKit", package: "DaemonKit")
let daemonTestKit = Target.Dependency.product(name: "DaemonTestKit", package: "DaemonKit")

let package = Package(
    name: "DaemonKitIntegrations",
    platforms: [.macOS(.v15)],
    products: [
        library("DaemonKitLogging"), library("DaemonKitLifecycle"), library("DaemonKitNIO"), library("DaemonKitTLS"),
        library("DaemonKitHummingbird"), library("DaemonKitGRPC"), library("DaemonKitArguments"),
        library("DaemonKitConfiguration"), library("DaemonKitMetrics"),
    ],
    traits: [
        .default(enabledTraits: []),
        .trait(name: "Logging", description: "DaemonKitLogging: swift-log"),
        .trait(
            name: "Lifecycle", description: "DaemonKitLifecycle: swift-service-lifecycle", enabledTraits: ["Logging"]),
        .trait(name: "NIO", description: "DaemonKitNIO: SwiftNIO"),
        .trait(name: "TLS", description: "DaemonKitTLS: swift-nio-ssl", enabledTraits: ["NIO"]),
        .trait(
            name: "Hummingbird", description: "DaemonKitHummingbird: Hummingbird 2",
            enabledTraits: ["Lifecycle", "NIO"]),
        .trait(name: "GRPC", description: "DaemonKitGRPC: grpc-swift-2", enabledTraits: ["Lifecycle", "TLS"]),
        .trait(name: "Arguments", description: "DaemonKitArguments: swift-argument-parser"),
        .trait(name: "Configuration", description: "DaemonKitConfiguration: swift-configuration"),
        .trait(name: "Metrics", description: "DaemonKitMetrics: swift-metrics"),
    ],
    dependencies: [
        .package(name: "DaemonKit", path: ".."),
        .package(url: "https://github.com/apple/swift-log", from: "1.14.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.8.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.34.1"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.2"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0"),
        .package(url: "https://github.com/grpc/grpc-swift-2", from: "2.4.0"),
        .package(url: "https://github.com/grpc/grpc-swift-nio-transport", from: "2.9.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.0.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.5.0"),
    ],
    targets: [
        .target(
            name: "DaemonKitLogging", dependencies: [daemonKit, of("swift-log", "Logging", "Logging")],
            swiftSettings: strict),
        .target(
            name: "DaemonKitLifecycle",
            dependencies: [
                daemonKit, .target(name: "DaemonKitLogging", condition: .when(traits: ["Lifecycle"])),
                of("swift-service-lifecycle", "ServiceLifecycle", "Lifecycle"),
            ],
            swiftSettings: strict),
        .target(
            name: "DaemonKitNIO",
            dependencies: [
                daemonKit, of("swift-nio", "NIOCore", "NIO"), of("swift-nio", "NIOPosix", "NIO"),
                of("swift-nio-extras", "NIOExtras", "NIO"),
            ],
            swiftSettings: strict),
        .target(
            name: "DaemonKitTLS",
            dependencies: [
                daemonKit, .target(name: "DaemonKitNIO", condition: .when(traits: ["TLS"])),
                of("swift-nio-ssl", "NIOSSL", "TLS"),
            ],
            swiftSettings: strict),
        .target(
            name: "DaemonKitHummingbird",
            dependencies: [
                daemonKit,
                .target(name: "DaemonKitLogging", condition: .when(traits: ["Hummingbird"])),
                .target(name: "DaemonKitLifecycle", condition: .when(traits: ["Hummingbird"])),
                .target(name: "DaemonKitNIO", condition: .when(traits: ["Hummingbird"])),
                of("hummingbird", "Hummingbird", "Hummingbird"),
            ],
            swiftSettings: strict),
        .target(
            name: "DaemonKitGRPC",
            dependencies: [
                daemonKit,
                .target(name: "DaemonKitLogging", condition: .when(traits: ["GRPC"])),
                .target(name: "DaemonKitLifecycle", condition: .when(traits: ["GRPC"])),
                .target(name: "DaemonKitNIO", condition: .when(traits: ["GRPC"])),
                .target(name: "DaemonKitTLS", condition: .when(traits: ["GRPC"])),
                of("grpc-swift-2", "GRPCCore", "GRPC"),
                of("grpc-swift-nio-transport", "GRPCNIOTransportHTTP2Posix", "GRPC"),
                of("swift-nio-extras", "NIOCertificateReloading", "GRPC"), of("swift-nio-ssl", "NIOSSL", "GRPC"),
            ],
            swiftSettings: strict),
        .target(
            name: "DaemonKitArguments",
            dependencies: [daemonKit, of("swift-argument-parser", "ArgumentParser", "Arguments")], swiftSettings: strict
        ),
        .target(
            name: "DaemonKitConfiguration",
            dependencies: [daemonKit, of("swift-configuration", "Configuration", "Configuration")],
            // As swift-configuration itself: its protocol is one of functions that run where their caller does.
            swiftSettings: strict + [.enableUpcomingFeature("NonisolatedNonsendingByDefault")]),
        .target(
            name: "DaemonKitMetrics", dependencies: [daemonKit, of("swift-metrics", "Metrics", "Metrics")],
            swiftSettings: strict),
        // What the tests run: a daemon for each kind of server.
        .executableTarget(
            name: "webd",
            dependencies: [
                "DaemonKitHummingbird", "DaemonKitTLS", of("hummingbird", "HummingbirdTLS", "Hummingbird"),
                of("hummingbird", "HummingbirdHTTP2", "Hummingbird"),
            ],
            path: "Tests/webd", swiftSettings: strict),
        .executableTarget(
            name: "lifed", dependencies: ["DaemonKitLifecycle"], path: "Tests/lifed", swiftSettings: strict),
        .executableTarget(
            name: "lined", dependencies: ["DaemonKitNIO"], path: "Tests/lined", swiftSettings: strict),
        .executableTarget(
            name: "rpcd", dependencies: ["DaemonKitGRPC"], path: "Tests/rpcd", swiftSettings: strict),
        .executableTarget(
            name: "argd", dependencies: ["DaemonKitArguments"], path: "Tests/argd", swiftSettings: strict),
        .executableTarget(
            name: "confd",
            dependencies: [
                "DaemonKitConfiguration", "DaemonKitMetrics",
                of("swift-configuration", "Configuration", "Configuration"), of("swift-metrics", "Metrics", "Metrics"),
            ],
            path: "Tests/confd", swiftSettings: strict),
        .testTarget(
            name: "IntegrationTests", dependencies: [daemonTestKit, "webd", "lifed", "lined", "rpcd", "argd", "confd"],
            swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6]
)
