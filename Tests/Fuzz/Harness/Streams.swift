import Supervision
import Text

@testable import DaemonCore
@testable import DaemonKit
@testable import MasterRuntime
@testable import daemonctl

/// A session of the control socket means the same in whatever pieces it comes, and never takes more than its limits.
func tryControl(_ bytes: [UInt8]) {
    let cut = Int(bytes.first ?? 0) % (bytes.count + 1)
    precondition(items(bytes, cut) == items(bytes, bytes.count), "pieces change the meaning")
    for item in items(bytes, cut) {
        guard case .requests(var requests) = item else { continue }
        // What the master hands to a worker is understood there as the same.
        while let request = requests.popFirst() {
            guard !request.words.isEmpty else { continue }
            let again = try? ChannelFrame(id: 1, request, level: .admin).request()
            precondition(again == request, "a worker would be told something else")
        }
    }
}

private func items(_ bytes: [UInt8], _ cut: Int) -> [ControlInput.Item] {
    var input = ControlInput()
    var found: [ControlInput.Item] = []
    for piece in [bytes[..<cut], bytes[cut...]] {
        input.append(piece)
        while let item = input.next() { found.append(item) }
    }
    return found
}

/// Frames of the channel, wherever they are cut; those that are understood are the bytes that they were read from.
func tryChannel(_ bytes: [UInt8]) {
    let cut = Int(bytes.last ?? 0) % (bytes.count + 1)
    let whole = frames(bytes, bytes.count)
    precondition(frames(bytes, cut) == whole, "pieces change the meaning")
    precondition(bytes.starts(with: whole.flatMap(\.bytes)), "a frame is other bytes than came")
    for frame in whole { _ = try? frame.request() }
}

private func frames(_ bytes: [UInt8], _ cut: Int) -> [ChannelFrame] {
    var input = ChannelInput()
    var found: [ChannelFrame] = []
    for piece in [bytes[..<cut], bytes[cut...]] {
        input.append(piece)
        while let frame = try? input.next() { found.append(frame) }
    }
    return found
}

/// A message of a child: one line of bounded length for a person's eyes, and numbers that can be worked with.
func tryNotify(_ bytes: [UInt8]) {
    let message = NotifyMessage(bytes[...])
    for text in [message.status, message.version].compactMap(\.self) {
        precondition(text.utf8.count <= 4 * 512, "a text without an end")
        precondition(text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }, "a control character")
    }
    precondition((message.mainProcess ?? 2) > 1, "a process that is none")
    precondition((message.extendedTimeout ?? .zero) <= .seconds(86_400), "more than a day")
    var note = ChildNote(.worker)
    note.take(message)
    _ = note
}

/// What a master answers to daemonctl, and what a log holds: it may be anything, and nothing of it steers a terminal.
func tryAnswer(_ bytes: [UInt8]) {
    _ = try? JSON(bytes)
    let cut = Int(bytes.last ?? 0) % (bytes.count + 1)
    let whole = shown([bytes[...]])
    precondition(shown([bytes[..<cut], bytes[cut...]]) == whole, "pieces change what is shown")
    let isSafe = String(decoding: whole, as: UTF8.self).unicodeScalars.allSatisfy {
        !VisibleText.isHidden($0) || $0 == "\n" || $0 == "\t"
    }
    precondition(isSafe, "a terminal would be steered")
}

private func shown(_ pieces: [ArraySlice<UInt8>]) -> [UInt8] {
    var text = VisibleBytes()
    return pieces.flatMap { text.take($0) } + text.end()
}
