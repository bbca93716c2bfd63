import Foundation
import Testing

@testable import masterd

/// etc/masterd/masterd.cfg is the manual of the configuration.
@Suite("The configuration's manual")
struct ManualTests {
    private static let text: String = {
        let folders = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
        let path = (folders + ["etc", "masterd", "masterd.cfg"]).joined(separator: "/")
        return String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
    }()

    @Test("It explains every keyword at the beginning of a line")
    func keywords() {
        let keywords =
            GlobalKeyword.allCases.map(\.rawValue) + ["bind"] + ServiceKeyword.allCases.map(\.rawValue)
            + ConfigurationParser.SectionKeyword.allCases.map(\.rawValue)
        let lines = Self.text.split(separator: "\n").filter { $0.contains("#") }
        for keyword in keywords {
            // Alone, or behind one that means the same.
            let explained = lines.contains { line in
                let words = line.drop { $0 == " " || $0 == "#" || $0 == "-" }
                return words.hasPrefix("\(keyword) ") || words.hasPrefix("\(keyword):")
                    || line.contains(", \(keyword) ")
                    || line.contains("or \(keyword) ") || line.contains("`no \(keyword) ")
                    || line.contains("`\(keyword) ")
            }
            #expect(explained, "\(keyword)")
        }
    }

    @Test("What it shows is what the parser understands, and every default stands in its explanation")
    func defaults() throws {
        let all = Self.text.replacing(/(?m)^( *)#([a-z])/) { "\($0.1)\($0.2)" }
        let found = try read(all)
        #expect(found.services.map(\.name) == ["echo", "metrics", "agent", "cache"])
        #expect(try read(Self.text).services.map(\.name) == ["echo"])
        for text in [
            "Default: 60s.", "default: 50.", "90s for stop-timeout", "default 100ms 30s", "after 1s for a worker",
        ] {
            #expect(Self.text.contains(text), "\(text)")
        }
        let usual = ServiceSection(.worker, "x")
        #expect(GlobalSettings().startTimeout == .seconds(60) && GlobalSettings().maxOldGenerations == 50)
        #expect(Configuration.usualStopTimeout == .seconds(90) && usual.readiness == .alive(.seconds(1)))
        #expect(usual.restart.backoff.base == .milliseconds(100) && usual.restart.backoff.maximum == .seconds(30))
    }
}
