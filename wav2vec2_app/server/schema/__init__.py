"""The JSON of every response of the server; ``docs/api.md`` is generated from it.

Classes whose names end in ``Json`` or ``Response`` are JSON objects; the functions make them from the
application's own types. Numbers are finite (unknown ones are ``null``), times are seconds, sizes are bytes,
confidences lie in [0, 1].
"""

from wav2vec2_app.server.schema.acoustics import AcousticsJson, acoustics
from wav2vec2_app.server.schema.alignments import (
    AlignedCharacterJson,
    AlignedLineJson,
    AlignedWordJson,
    AlignmentResponse,
    InsertedWordJson,
    alignment,
)
from wav2vec2_app.server.schema.base import JsonModel, JsonObject
from wav2vec2_app.server.schema.batches import (
    BatchCountsJson,
    BatchFileJson,
    BatchListResponse,
    BatchResponse,
)
from wav2vec2_app.server.schema.comparisons import (
    ComparisonResponse,
    DifferenceJson,
    SynthesisJson,
    SynthesizedWordJson,
    VariantJson,
    WordErrorsJson,
    comparison,
)
from wav2vec2_app.server.schema.descriptions import (
    DescriptionJson,
    DescriptionResponse,
    description,
)
from wav2vec2_app.server.schema.errors import ErrorJson, ErrorResponse, error, error_json
from wav2vec2_app.server.schema.explorations import (
    ExplanationResponse,
    ExplorationResponse,
    explanation,
    exploration,
)
from wav2vec2_app.server.schema.exports import (
    PUBLISHED,
    alignment_document,
    json_schema,
    transcript_document,
)
from wav2vec2_app.server.schema.history import (
    DeletedResponse,
    HistoryItemJson,
    HistoryResponse,
    SimilarItemJson,
    SimilarResponse,
    StoredTranscriptionResponse,
)
from wav2vec2_app.server.schema.layers import ModelLayersResponse, model_layers
from wav2vec2_app.server.schema.recording import ModelJson, model
from wav2vec2_app.server.schema.searches import (
    HistorySearchResponse,
    HitJson,
    SearchResponse,
    StoredHitsJson,
    hits_json,
    search,
)
from wav2vec2_app.server.schema.system import (
    CapabilitiesResponse,
    StatusResponse,
    capabilities,
    is_ready,
    scores,
    status,
)
from wav2vec2_app.server.schema.transcriptions import (
    AnalysisResponse,
    ProblemJson,
    TranscriptionResponse,
    WordJson,
    analysis,
    transcription,
    word_json,
)

__all__ = [
    "PUBLISHED",
    "AcousticsJson",
    "AlignedCharacterJson",
    "AlignedLineJson",
    "AlignedWordJson",
    "AlignmentResponse",
    "AnalysisResponse",
    "BatchCountsJson",
    "BatchFileJson",
    "BatchListResponse",
    "BatchResponse",
    "CapabilitiesResponse",
    "ComparisonResponse",
    "DeletedResponse",
    "DescriptionJson",
    "DescriptionResponse",
    "DifferenceJson",
    "ErrorJson",
    "ErrorResponse",
    "ExplanationResponse",
    "ExplorationResponse",
    "HistoryItemJson",
    "HistoryResponse",
    "HistorySearchResponse",
    "HitJson",
    "InsertedWordJson",
    "JsonModel",
    "JsonObject",
    "ModelJson",
    "ModelLayersResponse",
    "ProblemJson",
    "SearchResponse",
    "SimilarItemJson",
    "SimilarResponse",
    "StatusResponse",
    "StoredHitsJson",
    "StoredTranscriptionResponse",
    "SynthesisJson",
    "SynthesizedWordJson",
    "TranscriptionResponse",
    "VariantJson",
    "WordErrorsJson",
    "WordJson",
    "acoustics",
    "alignment",
    "alignment_document",
    "analysis",
    "capabilities",
    "comparison",
    "description",
    "error",
    "error_json",
    "explanation",
    "exploration",
    "hits_json",
    "is_ready",
    "json_schema",
    "model",
    "model_layers",
    "scores",
    "search",
    "status",
    "transcript_document",
    "transcription",
    "word_json",
]
