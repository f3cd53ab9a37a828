"""A slow connection, as slow as the test wants it."""

from __future__ import annotations

from playwright.sync_api import APIResponse, Page, Route


class Held:
    """What a page asks for at this address, held until it is let go. Leaving the block waits until it has asked."""

    def __init__(self, page: Page, address: str) -> None:
        self._page, self._address, self._routes = page, address, list[Route]()
        self._passes = False
        page.route(address, self._hold)

    def __enter__(self) -> Held:
        self._request = self._page.expect_request(self._address)
        self._request.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._request.__exit__(*error)
        while not self._routes:  # the browser tells of the request before it hands it over
            self._page.evaluate("null")

    def _hold(self, route: Route) -> None:
        if self._passes:
            route.continue_()
        else:
            self._routes.append(route)

    def let_go(self) -> None:
        self._first().continue_()

    def cut(self) -> None:
        """It never gets there."""
        self._first().abort()

    def fetch(self) -> APIResponse:
        """What the product answers at this moment; the page is still waiting."""
        return self._routes[0].fetch()

    def answer(self, response: APIResponse) -> None:
        self._first().fulfill(response=response)

    def _first(self) -> Route:
        self._passes = True  # what comes next is not held
        return self._routes.pop(0)
