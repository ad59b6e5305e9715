"""Shared types and arithmetic of speech: no I/O, no asyncio and no model.

Both the server and the workers import it. The types follow the path of a recording: :mod:`audio`,
:mod:`emission`, :mod:`transcript`, :mod:`alignment`, :mod:`features`; :mod:`models` says which model was
used. The arithmetic: :mod:`windows` and :mod:`seams` for long audio, :mod:`pauses`, :mod:`subtitles`, and
:mod:`normalization` and :mod:`tokenization` of text; :mod:`options` has the decoding options.
"""
