// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "nio-tcp",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(name: "DaemonKit", path: "../.."),
        .package(name: "DaemonKitIntegrations", path: "../../Integrations", traits: ["NIO"]),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
    ],
    targets: [
        .executableTarget(
            name: "upper",
            dependencies: [
                .product(name: "DaemonKit", package: "DaemonKit"),
                .product(name: "DaemonKitNIO", package: "DaemonKitIntegrations"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ])
    ]
)
