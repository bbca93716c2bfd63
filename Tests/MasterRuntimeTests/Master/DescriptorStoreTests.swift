import Supervision
import TestSupport
import Testing
import Unix

@testable import MasterRuntime

@Suite("What children store", .timeLimit(.minutes(20)))
struct DescriptorStoreTests {
    private func entries(_ store: DescriptorStore) -> [Int32] { store["web"].map(\.descriptor) }

    @Test("a copy of an open file is kept once, under its first name; another opening of the file is another one")
    func duplicates() throws {
        let folder = TemporaryFolder()
        let path = try folder.write("", to: "file")
        let one = try FileDescriptor.open(path, [])
        let other = try FileDescriptor.open(path, [])
        let copy = try Descriptor.duplicate(one.number, above: [])
        var store = DescriptorStore()
        defer { for number in entries(store) + [copy] { Descriptor.close(number) } }
        guard case .kept(let kept) = store.add(one.number, name: "a", for: "web") else {
            Issue.record("it was not kept")
            return
        }
        #expect(store.add(copy, name: "b", for: "web") == .duplicate)
        #expect(store["web"].map(\.name) == ["a"] && entries(store) == [kept])
        #expect(store.add(other.number, name: "b", for: "web") != .duplicate && store["web"].count == 2)
    }

    @Test("of two services each keeps its own copy, and one that is full says so")
    func full() throws {
        let ends = try FileDescriptor.pipe()
        var store = DescriptorStore()
        defer { for number in store.descriptors { Descriptor.close(number) } }
        for service in ["web", "other"] { #expect(store.add(ends.read.number, name: nil, for: service) != .duplicate) }
        for index in 1..<DescriptorStore.most {
            let file = try FileDescriptor.open("/dev/null", [])
            #expect(store.add(file.number, name: "\(index)", for: "web") != .noRoom)
        }
        #expect(store.room(for: "web") == 0)
        #expect(store.add(ends.write.number, name: nil, for: "web") == .noRoom)
        #expect(store.add(ends.read.number, name: nil, for: "web") == .duplicate)
    }

    @Test("who is polled is remembered over an exec")
    func state() throws {
        let ends = try FileDescriptor.pipe()
        var store = DescriptorStore()
        defer { for number in store.descriptors { Descriptor.close(number) } }
        _ = store.add(ends.read.number, name: "a", for: "web")
        _ = store.add(ends.write.number, name: "b", isPolled: false, for: "web")
        var copy = DescriptorStore()
        copy.restore(SavedState(store.records))
        #expect(copy["web"].map(\.isPolled) == [true, false] && copy.polled.map(\.descriptor) == [entries(store)[0]])
        store.remove(entries(store)[0], for: "web")
        #expect(store["web"].map(\.name) == ["b"])
    }
}
