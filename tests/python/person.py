"""A person at a browser without a window: signs in, chooses whose record, allows. Goes by the forms on the pages."""

from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import requests


class Forms(HTMLParser):
    """The forms of a page: where each goes, and its fields as (name, value, type, checked)."""

    def __init__(self, html):
        super().__init__()
        self.found = []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        have = dict(attributes)
        if tag == "form":
            self.found.append({"action": have.get("action", ""), "fields": []})
        elif tag in ("input", "button") and self.found and have.get("name"):
            kind = have.get("type") or ("submit" if tag == "button" else "text")
            self.found[-1]["fields"].append((have["name"], have.get("value", "on"), kind, "checked" in have))


class Person:
    """Who lets an app into a record."""

    def __init__(self, user="alice", patient="ben"):
        self._user, self._patient = user, patient
        self._session = requests.Session()

    def answers(self, url):
        """Goes where an app sends a browser, and comes back with the address that the app gets."""
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(url))
        page = self._follow(origin, self._session.get(url, allow_redirects=False, timeout=10))
        for _ in range(6):
            if isinstance(page, str):
                return page
            form, fields = self._filled(page)
            address = urljoin(page.url, form["action"])
            headers = {"origin": origin}
            sent = self._session.post(address, data=fields, headers=headers, allow_redirects=False, timeout=10)
            page = self._follow(origin, sent)
        raise AssertionError(f"no end of pages: {page.url}")

    def _follow(self, origin, page):
        """All redirects, until a page is shown or the way leads elsewhere: then the address."""
        for _ in range(10):
            if not page.is_redirect:
                assert page.status_code == 200, f"{page.status_code} at {page.url}: {page.text[:2000]}"
                return page
            address = urljoin(page.url, page.headers["location"])
            if not address.startswith(f"{origin}/"):
                return address
            page = self._session.get(address, allow_redirects=False, timeout=10)
        raise AssertionError(f"too many redirects: {page.url}")

    def _filled(self, page):
        """What a browser would send of the form that matters, with this person's answers."""
        answers = {
            "password": [("username", self._user), ("password", self._user)],
            "patient": [("patient", self._patient), ("move", "choose")],
            "decision": [("decision", "allow")],
        }
        for form in Forms(page.text).found:
            names = {name for name, *_ in form["fields"]}
            for mark, answer in answers.items():
                if mark in names:
                    mine = {name for name, _ in answer}
                    return form, [field for field in defaults(form) if field[0] not in mine] + answer
        raise AssertionError(f"no form that anybody knows at {page.url}: {page.text[:2000]}")


def defaults(form):
    """Buttons are not sent, boxes only when they are ticked."""
    for name, value, kind, checked in form["fields"]:
        if kind != "submit" and (checked or kind not in ("checkbox", "radio")):
            yield name, value
