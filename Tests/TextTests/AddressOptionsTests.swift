import TestSupport
import Testing
import Text

@Suite("Options of an address", .timeLimit(.minutes(20)))
struct AddressOptionsTests {
    @Test(
        "they stand behind commas, and are written as they are read",
        arguments: [
            ("/run/x.sock", "/run/x.sock"), ("unix:/x,mode=660,group=www-data", "unix:/x"),
            ("[::]:80,backlog=5,reuseport,v4v6,freebind", "[::]:80"), ("[::1]:80,v6only", "[::1]:80"),
            ("/a,,b,,,user=u", "/a,b,"), (",,", ","), ("", ""), ("/x,mode=0", "/x"), ("/x,group=a=b", "/x"),
        ])
    func written(text: String, address: String) throws {
        let read = try OptionedAddress(parsing: text)
        #expect(read.text == address && read.description == text)
    }

    @Test("all of them have their values")
    func values() throws {
        let options = try OptionedAddress(parsing: "x,backlog=7,reuseport,v4v6,freebind,mode=0640,user=u,group=7")
            .options
        var expected = AddressOptions()
        (expected.backlog, expected.reuseport, expected.isIPv6Only, expected.freebind) = (7, true, false, true)
        (expected.mode, expected.user, expected.group) = (0o640, "u", "7")
        #expect(options == expected)
        #expect(options.words.map(\.word) == [.backlog, .reuseport, .v4v6, .freebind, .mode, .user, .group])
    }

    private static let mistakeCases: [(String, AddressMistake.Kind, String)] = [
        ("/x,", .option, ""), ("/x,mod=1", .option, "mod"), ("/x,Mode=1", .option, "Mode"),
        ("/x,mode=660,", .option, ""), ("/x,mode", .optionValue(.mode), "mode"),
        ("/x,mode=", .optionValue(.mode), "mode="), ("/x,mode=888", .optionValue(.mode), "mode=888"),
        ("/x,mode=1777", .optionValue(.mode), "mode=1777"), ("/x,mode=00660", .optionValue(.mode), "mode=00660"),
        ("/x,mode=-1", .optionValue(.mode), "mode=-1"), ("/x,backlog=0", .optionValue(.backlog), "backlog=0"),
        ("/x,backlog=2147483648", .optionValue(.backlog), "backlog=2147483648"),
        ("/x,user=", .optionValue(.user), "user="), ("/x,freebind=1", .optionValue(.freebind), "freebind=1"),
        ("/x,freebind=", .optionValue(.freebind), "freebind="), ("/x,mode=1,mode=1", .optionTwice, "mode"),
        ("/x,v6only,v4v6", .bothFamilies, "v4v6"),
    ]

    @Test("a mistake says what is wrong, and where", arguments: mistakeCases)
    func mistakes(text: String, kind: AddressMistake.Kind, part: String) throws {
        let mistake = try #require(throws: AddressMistake.self) { try OptionedAddress(parsing: text) }
        #expect(mistake.kind == kind)
        #expect(String(decoding: Array(text.utf8)[mistake.part], as: UTF8.self) == part)
        #expect(part.isEmpty || mistake.reason(in: text).contains(part))
    }

    private static let misfitCases: [(String, AddressOptions.Target, AddressOptions.Word?)] = [
        ("mode=1", .init(.file), nil), ("mode=1", .init(.abstract), .mode), ("user=u", .init(.ipv4), .user),
        ("group=g", .init(.ipv6), .group), ("backlog=1", .init(.abstract), nil),
        ("backlog=1", .init(.ipv4, isDatagram: true), .backlog), ("reuseport", .init(.file), .reuseport),
        ("v6only", .init(.ipv6), nil), ("v6only", .init(.anyIPv6), nil), ("v6only", .init(.ipv4), .v6only),
        ("v4v6", .init(.anyIPv6), nil), ("v4v6", .init(.ipv6), .v4v6), ("v6only", .init(.file), .v6only),
        ("freebind", .init(.abstract), .freebind), ("reuseport", .init(.ipv4, isDatagram: true), nil),
    ]

    @Test("what does not fit an address is found", arguments: misfitCases)
    func misfits(text: String, target: AddressOptions.Target, word: AddressOptions.Word?) throws {
        #expect(try OptionedAddress(parsing: "x,\(text)").options.misfit(with: target)?.word == word)
    }

    @Test(
        "where commas were of a path before, only what is an option, or nearly one, ends it",
        arguments: [
            ("/a,b", "/a,b", 0), ("/a,,b", "/a,,b", 0), ("/a,b=c", "/a,b=c", 0), ("/a,b,mode=660", "/a,b", 1),
            ("/a,mode=660,user=u", "/a", 2), ("/a,freebind", "/a", 1), ("/a,x=1,mode=1", "/a,x=1", 1),
            ("/a,", "/a,", 0),
        ])
    func literal(text: String, address: String, count: Int) throws {
        let read = try OptionedAddress(literal: text)
        #expect(read.text == address && read.options.words.count == count)
        #expect(throws: AddressMistake.self) { try OptionedAddress(literal: "\(text),mod=1") }
    }

    @Test("nothing traps at random, and what is read is written so that it is read again")
    func random() throws {
        let pieces = [
            ",", ",,", "=", "mode", "mode=660", "user=u", "backlog=", "9", "0", "v6only", "v4v6", "freebind", "/x", "é",
            "\0", "group=g",
        ]
        var random = Seeded(41)
        for _ in 0..<rounds(100_000) {
            let count = Int.random(in: 0...7, using: &random)
            let text = (0..<count).map { _ in pieces[Int.random(in: pieces.indices, using: &random)] }.joined()
            _ = try? OptionedAddress(literal: text)
            do {
                let read = try OptionedAddress(parsing: text)
                #expect(try OptionedAddress(parsing: read.description) == read, "\(text)")
            } catch {
                #expect(!error.reason(in: text).isEmpty && error.part.upperBound <= text.utf8.count, "\(text)")
            }
        }
    }
}
