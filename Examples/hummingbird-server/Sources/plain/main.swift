import Hummingbird

// What `hello` is compared with: Hummingbird's own way to run.

let router = Router()
router.get("/") { _, _ in "hello\n" }
router.get("/slow") { _, _ in
    try await Task.sleep(for: .seconds(2))
    return "slowly\n"
}
let port = Int(CommandLine.arguments.dropFirst().first ?? "") ?? 8080
let app = Application(router: router, configuration: .init(address: .hostname("127.0.0.1", port: port)))
try await app.runService()
