#pragma once

// Where the documents of a row begin: what attention needs to stop at their borders. A row of T positions is a sequence
// of documents without gaps; the first may have begun in an earlier row, the last may go on in the next.

#include <cstddef>
#include <cstdint>
#include <span>

namespace compute {

/// first[b * seq_len + t] = the position at which position t's document begins in row b. An end-of-text token as the
/// input at t begins a document there: it stands before the document's first target. Positions before the first of a
/// row belong to a document that began in an earlier row: 0.
///   first: (rows, seq_len), written whole. ids: (rows, seq_len + 1), as they come from the packer.
void document_firsts(std::span<std::uint32_t> first, std::span<const std::int32_t> ids, std::size_t rows,
                     std::size_t seq_len, std::int32_t end_of_text) noexcept;

/// The end of the document that begins at `begin` in a row of T positions; the next one begins there.
///   first: T of them, where each position's document begins; nullptr: the row is one document.
///   Requires begin < T and first[begin] == begin, for the documents to lie one after the other.
std::size_t document_end(const std::uint32_t* first, std::size_t begin, std::size_t T) noexcept;

}  // namespace compute
