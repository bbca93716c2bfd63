import Testing

@testable import masterd

@Suite("A configuration as text")
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

    @Test("times in the largest unit that needs no fraction")
    func times() {
        let times: [(Duration, String)] = [
            (.zero, "0s"), (.microseconds(1), "1us"), (.milliseconds(100), "100ms"), (.milliseconds(1500), "1500ms"),
            (.seconds(1), "1s"), (.seconds(90), "90s"), (.seconds(120), "2m"), (.seconds(7200), "2h"),
            (.seconds(864_000_000), "10000d"),
        ]
        for (time, text) in times {
            #expect(TimeText.text(time) == text && TimeText.parse(text) == time)
        }
        for text in ["", "5", "5S", "5 s", "-5s", "+5s", "5.5s", "٥s", "5\u{301}s", "s", "864000001s"] {
            #expect(TimeText.parse(text) == nil, "\(text)")
        }
    }
}
