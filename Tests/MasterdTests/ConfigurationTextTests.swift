import Testing
import Text

@testable import masterd

@Suite("A configuration as text", .timeLimit(.minutes(20)))
struct ConfigurationTextTests {
    @Test("the specification's example")
    func example() throws {
        let found = try read(ConfigurationTests.example)
        #expect(
            found.text == """
                global
                    setenv NAME value
                    control-socket /run/masterd.sock mode 600 level admin
                    hard-stop-after 30s
                    no-exit-on-failure
                listen web
                    bind 0.0.0.0:8080
                worker web
                    command ./server --foreground
                    instances 4
                    listen web
                    readiness notify
                    restart on-failure backoff 100ms 30s limit 5/1m
                program dataplane-api
                    command ./dataplane_api
                    stop-timeout 10s
                    on-reload keep
                    user nobody
                    group nogroup
                    after web
                    critical no

                """)
    }

    @Test("what is printed is read as the same", arguments: 1...4)
    func property(seed: UInt64) throws {
        var random = RandomConfiguration(seed: seed)
        let environment = ["A": "a b", "B": "b", "KEEP": "k"]
        for round in 0..<300 {
            let configuration = random.next(environment: environment)
            let text = configuration.text
            do {
                let again = try read(text, environment: environment)
                if again == configuration && again.text == text { continue }
                Issue.record("seed \(seed), round \(round): another configuration\n\(text)")
            } catch {
                Issue.record("seed \(seed), round \(round): \(error.text)\n\(text)")
            }
            return
        }
    }
}
