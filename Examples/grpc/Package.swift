// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "grpc",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(name: "DaemonKit", path: "../.."),
        .package(name: "DaemonKitIntegrations", path: "../../Integrations", traits: ["GRPC"]),
        .package(url: "https://github.com/grpc/grpc-swift-2", from: "2.4.0"),
        .package(url: "https://github.com/grpc/grpc-swift-nio-transport", from: "2.9.0"),
    ],
    targets: [
        // What protoc would generate, for messages of plain text.
        .target(name: "Greeting", dependencies: [.product(name: "GRPCCore", package: "grpc-swift-2")]),
        .executableTarget(
            name: "greeter",
            dependencies: [
                "Greeting",
                .product(name: "DaemonKit", package: "DaemonKit"),
                .product(name: "DaemonKitLogging", package: "DaemonKitIntegrations"),
                .product(name: "DaemonKitGRPC", package: "DaemonKitIntegrations"),
                .product(name: "GRPCCore", package: "grpc-swift-2"),
            ]),
        // A connection for each call, and no second try.
        .executableTarget(
            name: "naive",
            dependencies: [
                "Greeting",
                .product(name: "GRPCCore", package: "grpc-swift-2"),
                .product(name: "GRPCNIOTransportHTTP2Posix", package: "grpc-swift-nio-transport"),
            ]),
    ]
)
