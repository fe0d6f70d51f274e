"""`doctor`: what of this machine works, what does not, what to do about it, and what works all the same.

`diagnosis` has the values, `running` asks everything at once and within a bound, and each other module knows one topic.
"""
