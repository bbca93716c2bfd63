import Testing
import Unix

/// The bodies run in forked children of processes of their own: their descriptors are theirs alone.
@Suite("Inherited descriptors", .timeLimit(.minutes(20)))
struct InheritanceTests {
    @Test("closeAll closes everything from 3 on but what is kept")
    func keeps() async {
        await #expect(processExitsWith: .success) {
            let isRight = try holdsInFork {
                var numbers: [Int32] = []
                while numbers.count < 200 { numbers.append(try FileDescriptor.open("/dev/null", .readWrite).release()) }
                let kept = [numbers[199], numbers[3], numbers[4], numbers[100]]
                Descriptor.closeAll(except: kept)
                return (0...numbers[199] + 10).allSatisfy { number in
                    Descriptor.isOpen(number) == (number < 3 || kept.contains(number))
                }
            }
            #expect(isRight)
        }
    }

    @Test("closeAll takes the list in any order, with doubles, closed, standard and negative numbers in it")
    func oddLists() async {
        await #expect(processExitsWith: .success) {
            let isRight = try holdsInFork {
                let file = dup2(0, 100)
                Descriptor.closeAll(except: [file, 0, -1, 9999, file, 2, Int32.max, 3000])
                return (0...300).filter { Descriptor.isOpen($0) } == [0, 1, 2, file]
            }
            #expect(isRight)
        }
    }

    @Test("closeAll without a list leaves the standard descriptors only")
    func keepsNothing() async {
        await #expect(processExitsWith: .success) {
            let isRight = try holdsInFork {
                _ = dup2(0, 100)
                Descriptor.closeAll(except: [])
                return (0...300).filter { Descriptor.isOpen($0) } == [0, 1, 2]
            }
            #expect(isRight)
        }
    }

    @Test("closeInherited closes nothing that was opened since the program was loaded")
    func ownFiles() async {
        await #expect(processExitsWith: .success) {
            let isRight = try holdsInFork {
                let own = try FileDescriptor.open("/dev/null", .readWrite).release()
                _ = dup2(0, 900)
                Descriptor.closeInherited(except: [])
                return Descriptor.isOpen(own) && Descriptor.isOpen(900)
            }
            #expect(isRight)
        }
    }

    @Test(
        "fillStandard opens /dev/null where a standard descriptor is closed, for children too",
        arguments: [[0], [1], [2], [0, 1], [1, 2], [0, 2], [0, 1, 2]])
    func fills(closed: [Int32]) async {
        await #expect(processExitsWith: .success) { [closed = closed as [Int32]] in
            let isRight = try holdsInFork {
                let null = try FileStatus(path: "/dev/null").identity
                for number in closed { Descriptor.close(number) }
                try Descriptor.fillStandard()
                return try closed.allSatisfy { number in
                    try FileStatus(descriptor: number).identity == null && fcntl(number, F_GETFL) & O_ACCMODE == O_RDWR
                        && fcntl(number, F_GETFD) == 0
                }
            }
            #expect(isRight)
        }
    }

    @Test("fillStandard leaves what is open as it is")
    func leavesOpen() async {
        await #expect(processExitsWith: .success) {
            let isRight = try holdsInFork {
                let ends = try FileDescriptor.pipe()
                for number: Int32 in 0...2 { try Descriptor.duplicate(ends.write.number, ontoStandard: number) }
                try Descriptor.fillStandard()
                let pipe = try FileStatus(descriptor: ends.write.number).identity
                return try (0...2).allSatisfy { try FileStatus(descriptor: $0).identity == pipe }
            }
            #expect(isRight)
        }
    }
}
