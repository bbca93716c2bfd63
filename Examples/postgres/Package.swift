// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "postgres",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(name: "DaemonKit", path: "../.."),
        .package(name: "DaemonKitIntegrations", path: "../../Integrations", traits: ["Hummingbird"]),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0"),
    ],
    targets: [
        .systemLibrary(name: "CPostgres", pkgConfig: "libpq", providers: [.apt(["libpq-dev"]), .brew(["libpq"])]),
        .executableTarget(
            name: "hits",
            dependencies: [
                "CPostgres",
                .product(name: "DaemonKit", package: "DaemonKit"),
                .product(name: "DaemonKitLogging", package: "DaemonKitIntegrations"),
                .product(name: "DaemonKitHummingbird", package: "DaemonKitIntegrations"),
                .product(name: "Hummingbird", package: "hummingbird"),
            ]),
    ]
)
